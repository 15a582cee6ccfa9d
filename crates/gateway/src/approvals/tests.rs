//! Answers are bound, single, and in time.

use stockade_core::SystemClock;

use super::*;

fn queue() -> Approvals {
    Approvals::new(Events::default(), Redactor::default(), Arc::new(SystemClock))
}

fn card() -> Card {
    Card { command: "id".into(), request: json!({"command": "id"}), digest: Digest::of(b"id") }
}

const OPERATOR: Principal = Principal::Gateway;

#[tokio::test]
async fn an_answer_reaches_the_one_who_waits() {
    let queue = queue();
    let request = queue.open(card(), Duration::from_secs(5)).expect("room");
    let (outcome, _) = tokio::join!(queue.wait(&request), async {
        let prefix: String = request.id.as_str().chars().take(8).collect();
        queue.resolve(&prefix, Verdict::AllowOnce, None, &OPERATOR).expect("answered")
    });
    let Outcome::Answered(approval) = outcome else { panic!("{outcome:?}") };
    assert_eq!((approval.shown, approval.verdict), (Digest::of(b"id"), Verdict::AllowOnce));
    assert_eq!(queue.pending(), []);
}

#[tokio::test]
async fn silence_is_a_denial_that_can_be_seen() {
    let queue = queue();
    let mut events = queue.events.subscribe();
    let request = queue.open(card(), Duration::from_millis(20)).expect("room");
    assert_eq!(queue.wait(&request).await, Outcome::Expired);
    assert_eq!(queue.resolve(request.id.as_str(), Verdict::AllowOnce, None, &OPERATOR), Err(ResolveError::NotFound));
    assert_eq!(events.recv().await.expect("requested").name, "exec.approval.requested");
    let resolved = events.recv().await.expect("resolved");
    assert_eq!((resolved.name, &resolved.payload["decision"]), ("exec.approval.resolved", &json!("deny")));
}

#[tokio::test]
async fn a_second_answer_does_not_overturn_the_first() {
    let queue = queue();
    let request = queue.open(card(), Duration::from_secs(5)).expect("room");
    let id = request.id.as_str();
    queue.resolve(id, Verdict::Deny, None, &OPERATOR).expect("denied");
    queue.resolve(id, Verdict::Deny, None, &OPERATOR).expect("the same answer again");
    assert_eq!(queue.resolve(id, Verdict::AllowOnce, None, &OPERATOR), Err(ResolveError::AlreadyResolved));
    assert_eq!(queue.wait(&request).await.decision(), Some("deny"));
}

#[tokio::test]
async fn an_answer_to_something_else_is_not_taken() {
    let queue = queue();
    let request = queue.open(card(), Duration::from_secs(5)).expect("room");
    let other = Some(Digest::of(b"rm"));
    let answer = queue.resolve(request.id.as_str(), Verdict::AllowOnce, other, &OPERATOR);
    assert_eq!(answer, Err(ResolveError::DigestMismatch));
    for id in ["", "zz", "ffffffff", "%"] {
        assert_eq!(queue.resolve(id, Verdict::AllowOnce, None, &OPERATOR), Err(ResolveError::NotFound));
    }
}

#[tokio::test]
async fn a_question_does_not_outlive_its_turn() {
    let queue = queue();
    let request = queue.open(card(), Duration::from_secs(60)).expect("room");
    let waiting = tokio::time::timeout(Duration::from_millis(10), queue.wait(&request));
    assert!(waiting.await.is_err());
    assert_eq!(queue.find(request.id.as_str()).expect("remembered").outcome, Outcome::Cancelled);
    let late = queue.resolve(request.id.as_str(), Verdict::AllowOnce, None, &OPERATOR);
    assert_eq!(late, Err(ResolveError::NotFound));
}

#[tokio::test]
async fn memory_is_bounded() {
    let queue = queue();
    for _ in 0..REMEMBERED + 50 {
        let request = queue.open(card(), Duration::from_secs(60)).expect("room");
        queue.resolve(request.id.as_str(), Verdict::Deny, None, &OPERATOR).expect("denied");
    }
    assert!(queue.history().len() <= REMEMBERED);
}

#[tokio::test]
async fn questions_cannot_be_buried() {
    let queue = queue();
    let kept: Vec<_> = (0..MAX_PENDING).map_while(|_| queue.open(card(), Duration::from_secs(60))).collect();
    assert_eq!(kept.len(), MAX_PENDING);
    assert_eq!(queue.open(card(), Duration::from_secs(60)), None);
    queue.resolve(kept[0].id.as_str(), Verdict::Deny, None, &OPERATOR).expect("denied");
    assert!(queue.open(card(), Duration::from_secs(60)).is_some());
}

#[tokio::test]
async fn a_card_shows_what_it_is_made_of() {
    let queue = Approvals::new(
        Events::default(),
        Redactor::new([stockade_core::Secret::new("my-secret-token")]),
        Arc::new(SystemClock),
    );
    let request =
        json!({ "command": "x", "cwd": "/w/a\u{1b}[2J\n          runs ls", "stockade": { "files": ["b\u{202e}"] } });
    let card = Card { command: "a\u{1b}[1A\nb my-secret-token".into(), request, digest: Digest::of(b"") };
    let shown = queue.open(card, Duration::from_secs(1)).expect("room").card;
    assert_eq!(shown.command, "a\\u{1b}[1A\nb [secret]");
    assert_eq!(shown.request["cwd"], "/w/a\\u{1b}[2J\\n          runs ls");
    assert_eq!(shown.request["stockade"]["files"][0], "b\\u{202e}");
    assert_eq!(shown.request["command"], json!(shown.command));
}
