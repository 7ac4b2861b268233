//! Closed sets of words: an enum by a table of its variants, each with its number and its name in JSON.

/// Makes the enum of a table of words, and `ALL`, `from_number`, `name` and `parse`. The numbers are dense from 0, in the order
/// of the table; those that stand in records are permanent.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $Words:ident { $($(#[$of:meta])* $Word:ident = $number:literal, $name:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        $vis enum $Words {
            $($(#[$of])* $Word = $number,)+
        }

        impl $Words {
            /// All of them, in the order of their numbers.
            pub const ALL: [$Words; [$($number),+].len()] = [$($Words::$Word),+];

            /// The one with this number, or `None`.
            pub fn from_number(number: u8) -> Option<$Words> {
                $Words::ALL.get(usize::from(number)).copied()
            }

            /// The name in JSON and in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $($Words::$Word => $name,)+
                }
            }

            /// The one of this name, or `None`.
            pub fn parse(name: &str) -> Option<$Words> {
                $Words::ALL.into_iter().find(|word| word.name() == name)
            }
        }

        const _: () = {
            let mut number = 0;
            while number < $Words::ALL.len() {
                assert!($Words::ALL[number] as usize == number, "numbers are dense, in the order of the table");
                number += 1;
            }
        };
    };
}
