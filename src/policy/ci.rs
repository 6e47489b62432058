//! Which failing checks are answered, and how often.

/// A pull request with this label has its failing checks answered, although wiz did not open it.
pub const CI_LABEL: &str = "wiz:ci";

/// On how many commits of one pull request repairs are tried; what still fails then needs a person.
pub const CI_ATTEMPTS: u32 = 3;

/// Whether failing checks of a pull request are answered: of those that wiz opened, and of those with the label.
/// `switch` is what a person said last there, and counts more.
pub fn answers_checks(own: bool, switch: Option<bool>, labels: &[String]) -> bool {
    switch.unwrap_or_else(|| own || labels.iter().any(|label| label.eq_ignore_ascii_case(CI_LABEL)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_word_counts_more_than_a_label_or_who_opened_the_pull_request() {
        let label = [CI_LABEL.to_owned()];
        assert!(answers_checks(true, None, &[]) && answers_checks(false, None, &label));
        assert!(!answers_checks(false, None, &[]) && !answers_checks(true, Some(false), &label));
        assert!(answers_checks(false, Some(true), &[]));
    }
}
