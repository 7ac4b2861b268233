//! A batch as it was read, whatever form it came in: what is to be decided, and what is malformed in its place.

use super::problem::Problem;

/// The most elements a batch may have.
pub const BATCH_LEN_MAX: usize = 10_000;

/// The elements of a batch of requests `R`.
#[derive(Debug, PartialEq)]
pub struct Batch<R> {
    /// The well-formed ones, in order.
    requests: Vec<R>,
    /// The others and their place among all, in order.
    malformed: Vec<(usize, Problem)>,
}

impl<R> Batch<R> {
    /// A batch without elements yet.
    pub fn with_capacity(len: usize) -> Batch<R> {
        Batch {
            requests: Vec::with_capacity(len),
            malformed: Vec::new(),
        }
    }

    /// Adds a well-formed element.
    pub fn push(&mut self, request: R) {
        self.requests.push(request);
    }

    /// Adds a malformed element.
    pub fn push_malformed(&mut self, problem: Problem) {
        self.malformed.push((self.len(), problem));
    }

    /// How many elements there are, of both kinds.
    pub fn len(&self) -> usize {
        self.requests.len() + self.malformed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is to be decided.
    pub fn requests(&self) -> &[R] {
        &self.requests
    }

    /// Everything in the order of the elements: what `of_requests` has for the well-formed ones, one after another, and
    /// what `of_malformed` makes of the others.
    ///
    /// # Panics
    /// When `of_requests` ends early.
    pub fn in_order<'b, T>(
        &'b self,
        of_requests: impl Iterator<Item = T>,
        of_malformed: impl Fn(&'b Problem) -> T,
    ) -> impl Iterator<Item = T> {
        let (mut of_requests, mut malformed) = (of_requests, self.malformed.iter().peekable());
        (0..self.len()).map(move |index| match malformed.next_if(|(at, _)| *at == index) {
            Some((_, problem)) => of_malformed(problem),
            None => of_requests.next().expect("one for each well-formed element"),
        })
    }
}

impl<R> FromIterator<Result<R, Problem>> for Batch<R> {
    fn from_iter<I: IntoIterator<Item = Result<R, Problem>>>(elements: I) -> Batch<R> {
        let elements = elements.into_iter();
        let mut batch = Batch::with_capacity(elements.size_hint().0);
        for element in elements {
            match element {
                Ok(request) => batch.push(request),
                Err(problem) => batch.push_malformed(problem),
            }
        }
        batch
    }
}
