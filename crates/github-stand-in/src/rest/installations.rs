//! What an app does with its own installations: <https://docs.github.com/en/rest/apps/apps>

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::auth::Caller;
use crate::control::setup::tell_installation;

fn own(call: &Call<'_>) -> Result<u64, Refusal> {
    let Caller::App(app) = call.caller else { return Err(Refusal::not_found()) };
    let id = call.number("installation_id")?;
    let found = call.state.installations.get(&id).filter(|installation| installation.app == app);
    found.map(|found| found.id).ok_or_else(Refusal::not_found)
}

/// `PUT /app/installations/{installation_id}/suspended`
pub fn suspend(call: &mut Call<'_>) -> Handled {
    set_suspended(call, true)
}

/// `DELETE /app/installations/{installation_id}/suspended`
pub fn unsuspend(call: &mut Call<'_>) -> Handled {
    set_suspended(call, false)
}

fn set_suspended(call: &mut Call<'_>, suspended: bool) -> Handled {
    let (id, now) = (own(call)?, call.state.now());
    let found = call.state.installations.get_mut(&id).ok_or_else(Refusal::not_found)?;
    found.suspended = suspended.then_some((now, found.account));
    tell_installation(call.state, id, ("installation", if suspended { "suspend" } else { "unsuspend" }), &[]);
    Ok(Answer::no_content())
}

/// `DELETE /app/installations/{installation_id}`
pub fn delete(call: &mut Call<'_>) -> Handled {
    let id = own(call)?;
    tell_installation(call.state, id, ("installation", "deleted"), &[]);
    call.state.installations.remove(&id);
    Ok(Answer::no_content())
}
