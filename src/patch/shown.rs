//! Which lines a diff shows.

use std::ops::RangeInclusive;

/// The lines of the new side that each hunk of a patch shows, changed or not: where GitHub takes comments.
/// <https://docs.github.com/en/rest/pulls/comments#create-a-review-comment-for-a-pull-request>
pub fn shown_lines(patch: &str) -> Vec<RangeInclusive<u32>> {
    patch.lines().filter(|line| line.starts_with("@@ ")).filter_map(new_side).collect()
}

/// `@@ -1,3 +1,4 @@ fn main()` shows the lines 1 to 4; without a count it is one line, and a count of 0 shows none.
fn new_side(header: &str) -> Option<RangeInclusive<u32>> {
    let side = header.split(' ').nth(2)?.strip_prefix('+')?;
    let (start, count) = side.split_once(',').unwrap_or((side, "1"));
    let (start, count): (u32, u32) = (start.parse().ok()?, count.parse().ok()?);
    let last = start.checked_add(count)?.checked_sub(1)?;
    (count > 0).then_some(start..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_name_the_lines_they_show() {
        let patch = "@@ -1,3 +1,4 @@ fn main() {\n a\n+@@ -9 +9 @@\n b\n c\n@@ -9 +10 @@\n-x\n+y\n@@ -20,2 +20,0 @@\n-z\n-z\n@@ bad @@";
        assert_eq!(shown_lines(patch), [1..=4, 10..=10]);
        assert_eq!(shown_lines("@@ -1 +4294967295,9 @@\n@@ -1 +x @@\n@@ -0,0 +1 @@\n+a"), [1..=1]);
        assert_eq!(shown_lines(""), []);
    }
}
