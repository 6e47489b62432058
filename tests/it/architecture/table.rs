//! The tables of `docs/ARCHITECTURE.md`: which room may import which, and which crate has which home.

/// The word by which a room may import every other; for the command line, which wires them together.
pub(super) const EVERYTHING: &str = "everything";

/// One row of the table of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    /// A folder or file of `src/` without its extension, such as `queue` or `run/machine`.
    pub(super) name: String,
    pub(super) pure: bool,
    pub(super) imports: Vec<String>,
}

/// One row of the table of crates: the first row that fits a path decides.
#[derive(Debug, Clone)]
struct Home {
    /// A path, or the beginning of one before a `*`.
    path: String,
    /// The cell as it is written, for messages.
    only_in: String,
    places: Places,
}

#[derive(Debug, Clone)]
enum Places {
    Everywhere,
    ImpureRooms,
    Files(Vec<String>),
}

/// All rules of the page.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) rooms: Vec<Room>,
    homes: Vec<Home>,
}

impl Room {
    pub(super) fn may_import(&self, other: &Self) -> bool {
        self.name == other.name || self.imports.iter().any(|import| *import == other.name || import == EVERYTHING)
    }
}

impl Rules {
    /// Finds the two tables by their headings; any other table of the page is passed over.
    pub(super) fn parse(page: &str) -> Self {
        let rooms = rows(page, "| room | pure | may import |").into_iter().map(|cells| Room {
            name: code_words(&cells[0]).remove(0),
            pure: cells[1] == "yes",
            imports: if cells[2] == EVERYTHING { vec![EVERYTHING.to_owned()] } else { code_words(&cells[2]) },
        });
        let homes = rows(page, "| path | only in |").into_iter().flat_map(|cells| {
            let places = match cells[1].as_str() {
                "everywhere" => Places::Everywhere,
                "rooms that are not pure" => Places::ImpureRooms,
                files => Places::Files(code_words(files)),
            };
            code_words(&cells[0]).into_iter().map(move |path| Home {
                path,
                only_in: cells[1].clone(),
                places: places.clone(),
            })
        });
        let rules = Self { rooms: rooms.collect(), homes: homes.collect() };
        assert!(!rules.rooms.is_empty() && !rules.homes.is_empty(), "the page holds both tables");
        rules
    }

    /// The room of a file such as `run/jobs/work.rs`: the longest name that fits.
    pub(super) fn room_of_file(&self, file: &str) -> Option<&Room> {
        self.room_of_path(&file.trim_end_matches(".rs").replace('/', "::"))
    }

    /// The room of a path such as `run::machine::advance`.
    pub(super) fn room_of_path(&self, path: &str) -> Option<&Room> {
        let path = format!("{}/", path.replace("::", "/"));
        let fits = |room: &&Room| path.starts_with(&format!("{}/", room.name));
        self.rooms.iter().filter(fits).max_by_key(|room| room.name.len())
    }

    /// What is wrong with a file of `room` naming the foreign path `named`, if anything is.
    pub(super) fn crate_offence(&self, room: &Room, file: &str, named: &str) -> Option<String> {
        let home = self.homes.iter().find(|home| covers(&home.path, named))?;
        let allowed = match &home.places {
            Places::Everywhere => true,
            Places::ImpureRooms => !room.pure,
            Places::Files(patterns) => patterns.iter().any(|pattern| glob(pattern.as_bytes(), file.as_bytes())),
        };
        (!allowed).then(|| format!("{file}: {named} belongs in {}", home.only_in))
    }
}

/// The cells of each row of the table under `heading`.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let table = page.lines().skip_while(|line| line.trim() != heading).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The words of a cell that stand between backticks.
fn code_words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a row's path is `named` or a module above it; a `*` at its end stands for any ending of the last name.
fn covers(path: &str, named: &str) -> bool {
    match path.strip_suffix('*') {
        Some(beginning) => named.starts_with(beginning),
        None => named == path || named.strip_prefix(path).is_some_and(|rest| rest.starts_with("::")),
    }
}

/// Whether `text` fits `pattern`, in which a `*` stands for anything.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|start| glob(rest, &text[start..])),
        [letter, rest @ ..] => text.first() == Some(letter) && glob(rest, &text[1..]),
    }
}
