//! What a verification found, as a page for a browser: one file that refers to no other.

use super::facts::{Facts, ProgramFacts, Verdict};
use crate::output::plain;
use anyhow::{Context as _, bail};
use satang_core::money::{Baht, Grouped};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that a page is written to. The data folder is only read, so it lies elsewhere.
pub(super) struct PageFile {
    path: PathBuf,
    /// The folder in which it lies, without links.
    folder: PathBuf,
}

impl PageFile {
    /// The file `path`. Whether it can be one is asked first: to decide a journal again takes long.
    ///
    /// # Errors
    /// When it lies inside the data folder, its folder is not there, or something that is no file has its name.
    pub fn outside(data_dir: &Path, path: &Path) -> anyhow::Result<PageFile> {
        let named = || path.display().to_string();
        let whole = std::path::absolute(path).with_context(named)?;
        let (Some(folder), Some(_)) = (whole.parent(), whole.file_name()) else {
            bail!("{}: it names no file", named());
        };
        let folder = fs::canonicalize(folder).with_context(named)?;
        let data_folder = fs::canonicalize(data_dir).with_context(|| data_dir.display().to_string())?;
        if folder.starts_with(data_folder) {
            bail!("{}: it lies inside the data folder", named());
        }
        match fs::symlink_metadata(path) {
            // What is renamed into its place would be no such thing any more.
            Ok(metadata) if !metadata.is_file() => bail!("{}: is no regular file", named()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(named),
            Ok(_) | Err(_) => {
                let path = path.to_owned();
                Ok(PageFile { path, folder })
            }
        }
    }

    /// Writes the page beside the file and renames it, so that the file is there as a whole or as it was.
    ///
    /// # Errors
    /// One line that names the file.
    pub fn write(&self, facts: &Facts) -> anyhow::Result<()> {
        self.replace(&page(facts))
            .with_context(|| self.path.display().to_string())
    }

    fn replace(&self, page: &str) -> io::Result<()> {
        let mut unfinished = tempfile::NamedTempFile::new_in(&self.folder)?;
        unfinished.write_all(page.as_bytes())?;
        unfinished.as_file().sync_all()?;
        let name = self.path.file_name().expect("it was looked at");
        unfinished.persist(self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }
}

const STYLE: &str = "body{font-family:sans-serif;margin:2em;max-width:70em}\
    h1{padding:.5em;font-size:1.3em}.good{background:#dfd}.bad{background:#fdd}\
    table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}\
    .n{text-align:right}code{overflow-wrap:anywhere}";

/// The whole page.
fn page(facts: &Facts) -> String {
    let class = match facts.verdict {
        Verdict::AllAgree => "good",
        Verdict::Disagreement | Verdict::Damage => "bad",
    };
    let text = escaped(&facts.text);
    let parts = [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">".to_owned(),
        format!("<title>{text}</title>\n<style>{STYLE}</style>\n</head>\n<body>"),
        format!("<h1 class=\"{class}\">{text}</h1>"),
        summary(facts),
        programs(&facts.programs),
        mismatches(facts),
        "</body>\n</html>\n".to_owned(),
    ];
    parts.join("\n")
}

fn summary(facts: &Facts) -> String {
    let number = |number: u64| Grouped(number.into()).to_string();
    let files = facts.files.as_ref().map_or_else(
        || "none: the journal is damaged".to_owned(),
        |files| {
            format!(
                "{} indexes of old days, {} snapshots",
                number(files.indexes),
                number(files.snapshots)
            )
        },
    );
    let rows = [
        ("data folder", escaped(&facts.data_dir)),
        (
            "decided through",
            facts.through.map_or_else(|| "the end".to_owned(), number),
        ),
        ("records decided again", number(facts.records)),
        ("dates", number(facts.dates)),
        ("last sequence", number(facts.last_sequence)),
        ("head", format!("<code>{}</code>", escaped(&facts.head))),
        ("digest", format!("<code>{}</code>", escaped(&facts.digest))),
        ("files held against the journal", files),
        ("bytes of an unfinished write", number(facts.torn_bytes.into())),
        ("places that disagree", number(facts.mismatches_count)),
        ("damage", facts.damage.as_deref().map_or("none".into(), escaped)),
    ];
    let row = |(name, value): (&str, String)| format!("<tr><th>{name}</th><td>{value}</td></tr>\n");
    format!("<table>\n{}</table>", rows.map(row).concat())
}

fn programs(programs: &[ProgramFacts]) -> String {
    let head = "<tr><th>programme</th><th>approved</th><th>declined</th><th>authorised, baht</th>\
        <th>given back, baht</th><th>net, baht</th></tr>";
    let number = |value: &dyn Display| format!("<td class=\"n\">{value}</td>");
    let row = |program: &ProgramFacts| {
        let cells = [
            number(&Grouped(program.approved.into())),
            number(&Grouped(program.declined.into())),
            number(&Baht(program.authorised_satang)),
            number(&Baht(program.given_back_satang)),
            number(&Baht(program.net_satang)),
        ];
        format!(
            "<tr><td>{}</td>{}</tr>\n",
            escaped(&program.program),
            cells.concat()
        )
    };
    let rows: String = programs.iter().map(row).collect();
    format!("<h2>Programmes</h2>\n<table>\n{head}\n{rows}</table>")
}

/// What does not agree; nothing when all does.
fn mismatches(facts: &Facts) -> String {
    if facts.mismatches_count == 0 {
        return String::new();
    }
    let item = |text: &str| format!("<li>{text}</li>\n");
    let told = facts
        .mismatches
        .iter()
        .map(|mismatch| item(&escaped(&mismatch.text)));
    let untold = facts.mismatches_count - facts.mismatches.len() as u64;
    let more = (untold > 0).then(|| item(&format!("and {} more", Grouped(untold.into()))));
    let items: String = told.chain(more).collect();
    format!("<h2>What does not agree</h2>\n<ul>\n{items}</ul>")
}

/// A text as HTML shows it, also within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in plain(text).chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::facts::{FileFacts, MismatchFacts};
    use super::*;

    fn facts() -> Facts {
        Facts {
            verdict: Verdict::Disagreement,
            text: "2 PLACES DISAGREE <i>".into(),
            data_dir: "a&b\"c".into(),
            through: Some(1_234),
            programs: vec![ProgramFacts {
                program: "<script>".into(),
                approved: 1_000,
                declined: 1,
                authorised_satang: 123_456_800,
                given_back_satang: 50,
                net_satang: 123_456_750,
            }],
            records: 1_234,
            dates: 2,
            digest: "d1ge57".into(),
            last_sequence: 1_240,
            head: "1240:<hash>".into(),
            torn_bytes: 4_096,
            files: Some(FileFacts {
                indexes: 3,
                snapshots: 2,
            }),
            mismatches: vec![MismatchFacts {
                sequence: Some(17),
                place: String::new(),
                what: String::new(),
                text: "record 17: <b>'bold'</b>\u{202e}".into(),
            }],
            mismatches_count: 2,
            damage: Some("<u>".into()),
        }
    }

    #[test]
    fn the_page_has_every_fact_and_escapes_every_text() {
        let page = page(&facts());
        let wanted = [
            "<h1 class=\"bad\">2 PLACES DISAGREE &lt;i&gt;</h1>",
            "<td>a&amp;b&quot;c</td>",
            "<td>1,234</td>",
            "<td>&lt;script&gt;</td><td class=\"n\">1,000</td><td class=\"n\">1</td>\
             <td class=\"n\">1,234,568.00</td><td class=\"n\">0.50</td><td class=\"n\">1,234,567.50</td>",
            "<code>d1ge57</code>",
            "<code>1240:&lt;hash&gt;</code>",
            "<td>1,240</td>",
            "<td>3 indexes of old days, 2 snapshots</td>",
            "<td>4,096</td>",
            "<td>&lt;u&gt;</td>",
            "<li>record 17: &lt;b&gt;&#39;bold&#39;&lt;/b&gt;\u{fffd}</li>",
            "<li>and 1 more</li>",
        ];
        for wanted in wanted {
            assert!(page.contains(wanted), "{wanted} is not in\n{page}");
        }
        for raw in ["<i>", "<script>", "<b>", "<hash>", "<u>", "a&b", "src=", "href="] {
            assert!(!page.contains(raw), "{raw} is in\n{page}");
        }
    }

    #[test]
    fn the_page_replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let path = folder.path().join("page.html");
        fs::write(&path, "older").unwrap();
        PageFile::outside(&data, &path).unwrap().write(&facts()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), page(&facts()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_page_inside_the_data_folder_or_in_the_place_of_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("data/journal")).unwrap();
        std::os::unix::fs::symlink(path("data/journal"), path("link")).unwrap();
        let cases = [
            ("data/page.html", "it lies inside the data folder"),
            ("data/journal/page.html", "it lies inside the data folder"),
            ("data/../data/page.html", "it lies inside the data folder"),
            ("link/page.html", "it lies inside the data folder"),
            ("link", "is no regular file"),
            ("data", "is no regular file"),
            ("nothing/page.html", "No such file or directory"),
        ];
        for (name, why) in cases {
            let refused = PageFile::outside(&path("data"), &path(name)).err();
            let refused = format!("{:#}", refused.expect(name));
            assert!(refused.contains(name) && refused.contains(why), "{refused}");
        }
    }
}
