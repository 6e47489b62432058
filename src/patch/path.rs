//! Which paths wiz writes: those that mean the same on every system and to every reader.

/// Longest path, in bytes: Linux's `PATH_MAX` without its final zero.
const PATH_BYTES: usize = 4_095;

/// Longest part of a path, in bytes: the limit of most file systems.
const PART_BYTES: usize = 255;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("is empty")]
    Empty,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is too long")]
    TooLong,
    #[error("is absolute")]
    Absolute,
    #[error("has an empty part")]
    EmptyPart,
    #[error("has a part that is `.` or `..`")]
    DotPart,
    #[error("leads into git's own directory")]
    GitDirectory,
    #[error("holds a control character")]
    Control,
    #[error("holds an invisible or direction-changing character")]
    Invisible,
    #[error("holds a backslash")]
    Backslash,
    #[error("holds a colon")]
    Colon,
    #[error("has a part that ends in a dot or space")]
    TrailingDot,
}

impl PathFault {
    /// Whether only an attacker makes such a path: git itself refuses it in a work tree. The others are unusual but
    /// occur in honest repositories.
    pub fn is_hostile(self) -> bool {
        match self {
            Self::Empty | Self::Absolute | Self::EmptyPart | Self::DotPart | Self::GitDirectory => true,
            Self::NotUtf8
            | Self::TooLong
            | Self::Control
            | Self::Invisible
            | Self::Backslash
            | Self::Colon
            | Self::TrailingDot => false,
        }
    }
}

/// The path as text if wiz may write it. Hostile faults are reported before odd ones.
pub fn check_path(path: &[u8]) -> Result<&str, PathFault> {
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path[0] == b'/' {
        return Err(PathFault::Absolute);
    }
    let lossy = String::from_utf8_lossy(path);
    lossy.split('/').try_for_each(hostile_part)?;
    let text = std::str::from_utf8(path).map_err(|_| PathFault::NotUtf8)?;
    if text.len() > PATH_BYTES {
        return Err(PathFault::TooLong);
    }
    text.split('/').try_for_each(odd_part)?;
    Ok(text)
}

fn hostile_part(part: &str) -> Result<(), PathFault> {
    match part {
        "" => Err(PathFault::EmptyPart),
        "." | ".." => Err(PathFault::DotPart),
        // Windows takes a backslash for a slash and cuts a name at a colon.
        _ if part.split(['\\', ':']).any(is_git_directory) => Err(PathFault::GitDirectory),
        _ => Ok(()),
    }
}

/// `.git` as Linux, macOS and Windows understand it: any case, HFS+ ignorable characters anywhere, dots and spaces
/// after it, or NTFS's short name for it. <https://github.com/git/git/blob/v2.47.0/utf8.c#L750>,
/// <https://github.com/git/git/blob/v2.47.0/path.c#L1400>
fn is_git_directory(part: &str) -> bool {
    let visible: String = part.chars().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase).collect();
    let trimmed = visible.trim_end_matches(['.', ' ']);
    trimmed == ".git" || trimmed.strip_prefix("git~").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn odd_part(part: &str) -> Result<(), PathFault> {
    let fault = if part.len() > PART_BYTES {
        PathFault::TooLong
    } else if part.contains(char::is_control) {
        PathFault::Control
    } else if part.contains(is_invisible) {
        PathFault::Invisible
    } else if part.contains('\\') {
        PathFault::Backslash
    } else if part.contains(':') {
        PathFault::Colon
    } else if part.ends_with(['.', ' ']) {
        PathFault::TrailingDot
    } else {
        return Ok(());
    };
    Err(fault)
}

/// Characters a reviewer cannot see, the ones HFS+ ignores among them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_paths_are_refused() {
        let long_part = "x".repeat(256);
        let long_path = "x/".repeat(2_050) + "x";
        let table: &[(&[u8], PathFault)] = &[
            (b"", PathFault::Empty),
            (b"/", PathFault::Absolute),
            (b"/etc/passwd", PathFault::Absolute),
            (b"//x", PathFault::Absolute),
            (b"a//b", PathFault::EmptyPart),
            (b"a/", PathFault::EmptyPart),
            (b".", PathFault::DotPart),
            (b"./a", PathFault::DotPart),
            (b"a/./b", PathFault::DotPart),
            (b"..", PathFault::DotPart),
            (b"../a", PathFault::DotPart),
            (b"a/../../b", PathFault::DotPart),
            (b"a/..", PathFault::DotPart),
            (b".git", PathFault::GitDirectory),
            (b".git/config", PathFault::GitDirectory),
            (b"a/.git/hooks/post-checkout", PathFault::GitDirectory),
            (b".GIT/config", PathFault::GitDirectory),
            (b".Git", PathFault::GitDirectory),
            (b".git./config", PathFault::GitDirectory),
            (b".git /config", PathFault::GitDirectory),
            (b".git . ./config", PathFault::GitDirectory),
            (b"git~1/config", PathFault::GitDirectory),
            (b"GIT~1", PathFault::GitDirectory),
            (b"git~23/x", PathFault::GitDirectory),
            (b".git::$INDEX_ALLOCATION/config", PathFault::GitDirectory),
            (b"a\\.git\\config", PathFault::GitDirectory),
            (".g\u{200c}it/config".as_bytes(), PathFault::GitDirectory),
            ("\u{feff}.git".as_bytes(), PathFault::GitDirectory),
            (".gi\u{202e}T".as_bytes(), PathFault::GitDirectory),
            (b".git/\xff", PathFault::GitDirectory),
            (b"\xff", PathFault::NotUtf8),
            (b"a/\xc3\x28", PathFault::NotUtf8),
            (b"caf\xe9.txt", PathFault::NotUtf8),
            (b"a\0b", PathFault::Control),
            (b"a\nb", PathFault::Control),
            (b"a\x1b[31m", PathFault::Control),
            (b"a\x7f", PathFault::Control),
            ("a\u{85}".as_bytes(), PathFault::Control),
            ("a\u{202e}txt.sh".as_bytes(), PathFault::Invisible),
            ("a\u{200b}".as_bytes(), PathFault::Invisible),
            ("a\u{e0041}".as_bytes(), PathFault::Invisible),
            (b"a\\b", PathFault::Backslash),
            (b"C:/x", PathFault::Colon),
            (b"a:b", PathFault::Colon),
            (b"file.", PathFault::TrailingDot),
            (b"dir /x", PathFault::TrailingDot),
            (b"...", PathFault::TrailingDot),
            (long_part.as_bytes(), PathFault::TooLong),
            (long_path.as_bytes(), PathFault::TooLong),
        ];
        for (path, fault) in table {
            assert_eq!(check_path(path), Err(*fault), "{}", String::from_utf8_lossy(path));
        }
    }

    #[test]
    fn each_fault_is_told() {
        let bad: [&[u8]; 12] = [
            b"",
            b"\xff",
            &[b'x'; 5_000],
            b"/a",
            b"a//b",
            b"..",
            b".git",
            b"a\n",
            "a\u{200b}".as_bytes(),
            b"a\\b",
            b"a:b",
            b"a.",
        ];
        insta::assert_snapshot!(bad.map(|path| check_path(path).unwrap_err().to_string()).join("\n"), @r"
        is empty
        is not UTF-8
        is too long
        is absolute
        has an empty part
        has a part that is `.` or `..`
        leads into git's own directory
        holds a control character
        holds an invisible or direction-changing character
        holds a backslash
        holds a colon
        has a part that ends in a dot or space
        ");
    }

    #[test]
    fn usual_paths_pass() {
        for path in [
            "a",
            ".gitignore",
            ".github/workflows/ci.yml",
            "src/größe.rs",
            "a b/c",
            "..a",
            "a..b",
            ".gitmodules",
            "git",
            "x.git/y",
            "gitx~1",
            "日本/語.txt",
            "-rf",
            "~",
            "$(x)",
        ] {
            assert_eq!(check_path(path.as_bytes()), Ok(path));
        }
    }
}
