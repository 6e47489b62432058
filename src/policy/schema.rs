//! The one description of the policy file, for editors.

use schemars::generate::SchemaSettings;

use super::PolicyFile;

/// JSON Schema of a policy file, ready to be served, printed and committed.
pub fn schema() -> String {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<PolicyFile>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
