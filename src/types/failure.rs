//! How an attempt can fail: a closed set of classes, and what each one means for everybody else.

use std::fmt;

use serde::Serialize;

/// Why an attempt failed. Decided once, where the failure is born.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Too many requests or tokens for now.
    RateLimited,
    /// No credit or quota left; waiting does not help.
    QuotaExhausted,
    /// The key is missing, wrong or expired.
    Auth,
    /// The key is right but may not do this.
    Forbidden,
    /// The request itself is wrong, for every provider.
    InvalidRequest,
    /// This provider does not know the model.
    ModelNotFound,
    /// The prompt is longer than the model's window.
    ContextOverflow,
    /// The provider's content policy refused, without any text.
    ContentRefused,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed inside.
    ServerError,
    /// Nothing came in time: no first byte, or silence in the middle.
    Timeout,
    /// No connection, or it broke before an answer began.
    Network,
    /// The answer ended before its end.
    Cut,
    /// What came is not what the protocol says.
    Malformed,
    /// A whole answer without text, tool call or refusal.
    Empty,
    /// Given up by the caller: Ctrl-C, or another candidate was faster.
    Cancelled,
}

/// When the same candidate is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Before another candidate is asked, unless the failure took long.
    Here,
    /// Only when there is no other candidate: going on is quicker than waiting.
    LastResort,
    /// Not at all.
    Never,
}

/// One row of [`FailureClass::TABLE`].
struct Row {
    class: FailureClass,
    name: &'static str,
    /// Is the same candidate tried again?
    retry: Retry,
    /// May another candidate be asked?
    next: bool,
    /// Is it the provider's fault, so that its breaker counts it?
    breaker: bool,
    /// May the provider charge for it although no usage was told?
    billed: bool,
    /// The exit code if every candidate failed this way.
    exit: u8,
}

macro_rules! table {
    ($($class:ident $name:literal $retry:ident $next:literal $breaker:literal $billed:literal $exit:literal;)*) => {
        [$(Row { class: FailureClass::$class, name: $name, retry: Retry::$retry, next: $next,
                 breaker: $breaker, billed: $billed, exit: $exit }),*]
    };
}

impl FailureClass {
    /// In the order of the enum, so that a class is its own index.
    #[rustfmt::skip]
    const TABLE: [Row; 16] = table![
    //  class            name                retry      next  breaker billed exit
        RateLimited      "rate_limited"      LastResort true  false   false  75;
        QuotaExhausted   "quota_exhausted"   Never      true  false   false  69;
        Auth             "auth"              Never      true  false   false  77;
        Forbidden        "forbidden"         Never      true  false   false  77;
        InvalidRequest   "invalid_request"   Never      false false   false  3;
        ModelNotFound    "model_not_found"   Never      true  false   false  3;
        ContextOverflow  "context_overflow"  Never      true  false   false  3;
        ContentRefused   "content_refused"   Never      false false   false  3;
        Overloaded       "overloaded"        Here       true  true    false  69;
        ServerError      "server_error"      Here       true  true    false  69;
        Timeout          "timeout"           Here       true  true    true   69;
        Network          "network"           Here       true  true    true   69;
        Cut              "cut"               Here       true  true    true   69;
        Malformed        "malformed"         Here       true  true    true   69;
        Empty            "empty"             Here       true  true    true   69;
        Cancelled        "cancelled"         Never      false false   true   130;
    ];

    /// Every class, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|row| row.class)
    }

    fn row(self) -> &'static Row {
        const { &Self::TABLE }.get(self as usize).unwrap_or(&Self::TABLE[0])
    }

    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.name == name).map(|row| row.class)
    }

    /// When the same candidate is tried again.
    pub fn retry(self) -> Retry {
        self.row().retry
    }

    /// Whether another candidate may be asked.
    pub fn tries_next(self) -> bool {
        self.row().next
    }

    /// Whether the breaker counts it: only what is the provider's fault.
    pub fn counts_for_breaker(self) -> bool {
        self.row().breaker
    }

    /// Whether a rest that it began is kept by everybody. A refused key or exhausted credit may have been mended
    /// meanwhile: who rests for that is only asked last.
    pub fn rest_is_kept(self) -> bool {
        self == Self::RateLimited
    }

    /// Whether the provider may charge although it told no usage (the request was sent and worked on).
    pub fn may_be_billed(self) -> bool {
        self.row().billed
    }

    /// The exit code when every candidate failed this way.
    pub fn exit_code(self) -> u8 {
        self.row().exit
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One failed attempt, as its dialect or the transport tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: FailureClass,
    /// For a person: the provider's own words where there are any, not yet redacted.
    pub message: String,
    /// The HTTP status, if an answer came at all.
    pub status: Option<u16>,
    /// How long the provider asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The request field that the model refuses, where the provider names one (`temperature`).
    pub parameter: Option<String>,
    /// Whether the request never left this machine, so that nothing can be charged.
    pub unsent: bool,
}

impl Failure {
    /// A failure of this class, with nothing else known.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), status: None, retry_after_ms: None, parameter: None, unsent: false }
    }

    /// The same with its HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) if status != 200 => {
                write!(f, "{} ({status}): {}", self.class, self.message)
            }
            _ => write!(f, "{}: {}", self.class, self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_its_own_index_in_the_table() {
        for (i, class) in FailureClass::all().enumerate() {
            assert_eq!(class as usize, i);
            assert_eq!(FailureClass::from_name(class.name()), Some(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
    }

    /// The contract's sections 4 and 5 once more, class by class.
    #[test]
    fn what_each_class_means_for_everybody_else() {
        let codes = [75, 69, 77, 77, 3, 3, 3, 3, 69, 69, 69, 69, 69, 69, 69, 130];
        assert_eq!(FailureClass::all().map(FailureClass::exit_code).collect::<Vec<_>>(), codes);
        let which = |so: fn(FailureClass) -> bool| {
            FailureClass::all().filter(|class| so(*class)).map(FailureClass::name).collect::<Vec<_>>().join(" ")
        };
        let faulty = "overloaded server_error timeout network cut malformed empty";
        assert_eq!(which(FailureClass::counts_for_breaker), faulty);
        assert_eq!(which(|class| class.retry() == Retry::Here), faulty);
        assert_eq!(which(|class| class.retry() == Retry::LastResort), "rate_limited");
        assert_eq!(which(FailureClass::rest_is_kept), "rate_limited");
        assert_eq!(which(|class| !class.tries_next()), "invalid_request content_refused cancelled");
        assert_eq!(which(FailureClass::may_be_billed), "timeout network cut malformed empty cancelled");
    }

    #[test]
    fn a_failure_in_words_has_its_status_where_that_says_something() {
        let failure = Failure::new(FailureClass::ServerError, "x");
        assert_eq!(failure.to_string(), "server_error: x");
        assert_eq!(failure.clone().with_status(500).to_string(), "server_error (500): x");
        assert_eq!(failure.with_status(200).to_string(), "server_error: x");
    }

    #[test]
    fn the_caller_s_own_faults_never_count_for_the_breaker() {
        use FailureClass::{
            Auth, Cancelled, ContextOverflow, Forbidden, InvalidRequest, ModelNotFound, QuotaExhausted, RateLimited,
        };
        for class in
            [InvalidRequest, Auth, QuotaExhausted, Forbidden, ModelNotFound, ContextOverflow, RateLimited, Cancelled]
        {
            assert!(!class.counts_for_breaker(), "{class}");
        }
    }
}
