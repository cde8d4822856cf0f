//! The best provider fails, the next one answers.

use crate::common::{Place, sandbox};

#[test]
fn the_next_one_answers_and_the_switch_is_told() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox);
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stdout.contains("no model was asked"), "{ran:?}");
    assert!(ran.stderr.contains("cohere/command-r7b-12-2024 failed"), "{ran:?}");
    assert_eq!(sandbox.bill().provider("cohere").unwrap().requests, 3);
    let (_, providers) = place.json(&["providers"]);
    let cohere = providers["providers"].as_array().unwrap().iter().find(|p| p["name"] == "cohere").unwrap();
    assert_eq!(cohere["breaker"], "open");
}
