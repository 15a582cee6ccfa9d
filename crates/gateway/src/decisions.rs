//! Questions of other programs, many at a time: what is asked while an answer is made waits for the next
//! round, which reads the containment lock once, looks up each session once, and shares one write of the
//! journal. Nothing is answered before its record is on the disk.

use std::sync::Arc;

use stockade_core::Decision;
use stockade_policy::Lock;
use stockade_store::journal::Entry;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::Gateway;
use crate::decide::{Answer, Question, answers};
use crate::running::Running;

/// Where questions are put. Cheap to clone.
#[derive(Clone)]
pub struct Decisions {
    queue: mpsc::Sender<Asked>,
}

/// What came of questions: the answers in order, or why there are none.
type Outcome = Result<Vec<(Question, Answer)>, String>;

/// Questions that came together.
struct Asked {
    questions: Vec<Question>,
    tell: oneshot::Sender<Outcome>,
}

impl Decisions {
    /// Starts answering. `entry` says how an answer is recorded.
    #[must_use]
    pub fn start(gateway: &Arc<Gateway>, entry: fn(&Question, &Answer) -> Entry) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..crate::tasks::cores() {
            let (owner, asked) = (Arc::clone(gateway), Arc::clone(&asked));
            gateway.tasks.start("decisions", async move {
                while let Some(round) = next(&owner, &asked).await {
                    let gateway = Arc::clone(&owner);
                    // Facts come from the file system, which may be slow; connections go on meanwhile.
                    let _ = owner.tasks.block(move || answer_round(&gateway, round, entry)).await;
                }
            });
        }
        Self { queue }
    }

    /// Asks, and waits until the answers are in the journal.
    ///
    /// # Errors
    /// Why there is no answer, which is to be taken for a denial.
    pub async fn ask(&self, questions: Vec<Question>) -> Outcome {
        let (tell, told) = oneshot::channel();
        self.queue.send(Asked { questions, tell }).await.map_err(|_| "the gateway is stopping".to_owned())?;
        told.await.unwrap_or_else(|_| Err("the answer could not be journaled".to_owned()))
    }
}

/// What is asked by now; waits for the first. `None` when the gateway stops.
async fn next(gateway: &Gateway, asked: &Mutex<mpsc::Receiver<Asked>>) -> Option<Vec<Asked>> {
    let stopping = gateway.tasks.stopping();
    let mut round = Vec::new();
    let mut asked = asked.lock().await;
    tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        count = asked.recv_many(&mut round, ROUND) => (count > 0).then_some(round),
    }
}

fn answer_round(gateway: &Gateway, round: Vec<Asked>, entry: fn(&Question, &Answer) -> Entry) {
    let (running, lock): (Arc<Running>, Lock) = (gateway.running(), gateway.lock());
    let (mut all, mut waiting) = (Vec::new(), Vec::new());
    for Asked { questions, tell } in round {
        waiting.push((questions.len(), tell));
        all.extend(questions);
    }
    let mut answers = answers(&running, &lock, &all);
    // Contained meanwhile: what was decided before is not told any more.
    if let Err(denial) = gateway.lock().judge() {
        for answer in &mut answers {
            answer.decision = Decision::Deny(denial.clone());
        }
    }
    let mut answered = all.into_iter().zip(answers);
    for (count, tell) in waiting {
        let told: Vec<(Question, Answer)> = answered.by_ref().take(count).collect();
        let entries = told.iter().map(|(question, answer)| entry(question, answer)).collect();
        let recorded = gateway.record_all(entries, move |outcome| {
            // Who asked may be gone; the record stands all the same.
            let _ = tell.send(outcome.map(|()| told).map_err(|error| error.to_string()));
        });
        if let Err(error) = recorded {
            tracing::error!(%error, "an answer could not be journaled, and was not given");
        }
    }
}

/// Requests that may wait for an answer.
const QUEUE: usize = 256;
/// Requests of one round.
const ROUND: usize = 64;
