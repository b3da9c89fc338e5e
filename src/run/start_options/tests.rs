//! Tests of default ports and of invalid options.
use super::*;

#[test]
fn a_window_takes_any_port_unless_told_one() {
    let window = StartOptions::new().exec_mode(ExecMode::Desktop);
    assert_eq!(window.port_to_bind(), 0);
    assert_eq!(window.port(4000).port_to_bind(), 4000);
    assert_eq!(StartOptions::new().port_to_bind(), DEFAULT_PORT);
}

#[test]
fn modules_that_cannot_be_served_are_refused_by_name() {
    let refused =
        |options: StartOptions| options.check(&Server::new("options")).unwrap_err().to_string();
    for path in ["", "a b", "paraview", "{x}", "a?b"] {
        let text = refused(StartOptions::new().ws_endpoint(Some(path)));
        assert!(text.contains("--ws-endpoint"), "{text}");
    }
    let server = Server::new("options");
    assert!(StartOptions::new().ws_endpoint(Some("/a/b/")).check(&server).is_ok());
    for secret in ["", " "] {
        let text = refused(StartOptions::new().secret(secret));
        assert!(text.contains("the secret") && text.contains("empty"), "{text}");
    }
    let text = refused(StartOptions::new().content("no such folder"));
    assert!(text.contains("--content") && text.contains("no such folder"), "{text}");
    let text = refused(StartOptions::new().serve_folder("x", "no such folder"));
    assert!(text.contains("--fs-endpoints"), "{text}");
}
