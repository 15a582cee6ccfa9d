//! An answer as it grows. Owns the bounds on proposed calls, and the rule that calls come out only
//! when the answer has ended: an answer that was cut off proposes nothing.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};
use stockade_core::{ToolCall, ToolName, text};

use super::{MAX_DEPTH, WireError};
use crate::json;
use crate::model::{ModelEvent, StopReason, Usage};

/// What has been read of one answer.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Events that the caller has not seen yet.
    pub(crate) ready: VecDeque<ModelEvent>,
    /// Why the model stopped, once it said so.
    pub(crate) stop: Option<StopReason>,
    /// What it cost, as far as the provider said so.
    pub(crate) usage: Option<Usage>,
    calls: Vec<DraftCall>,
    finished: bool,
}

/// Calls in one answer.
pub(crate) const MAX_CALLS: usize = 32;

/// Bytes of one call's arguments.
const MAX_ARGUMENTS: usize = 1 << 20;

#[derive(Debug)]
struct DraftCall {
    slot: Option<u64>,
    id: String,
    name: String,
    arguments: Arguments,
}

#[derive(Debug)]
enum Arguments {
    /// JSON text in fragments.
    Text(String),
    /// A value that came whole.
    Whole(Value),
    /// More text than the bound.
    TooLarge,
}

impl Draft {
    /// More text of the answer.
    pub(crate) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.ready.push_back(ModelEvent::Text(text.to_owned()));
        }
    }

    /// A piece of a call. `slot` is the provider's index of it. A piece with another id than the
    /// slot's is another call (some servers number every call 0), and so is one without an index
    /// that names a tool.
    pub(crate) fn call(
        &mut self,
        slot: Option<u64>,
        id: &str,
        name: &str,
        arguments: Option<&Value>,
    ) -> Result<(), WireError> {
        let same = |call: &&mut DraftCall| match slot {
            Some(_) => call.slot == slot && (id.is_empty() || call.id.is_empty() || call.id == id),
            None => name.is_empty() || (!id.is_empty() && call.id == id),
        };
        if let Some(call) = self.calls.iter_mut().rev().find(same) {
            return {
                call.extend(id, name, arguments);
                Ok(())
            };
        }
        if self.calls.len() >= MAX_CALLS {
            return Err(WireError::TooManyCalls);
        }
        let mut call =
            DraftCall { slot, id: String::new(), name: String::new(), arguments: Arguments::Text(String::new()) };
        call.extend(id, name, arguments);
        self.calls.push(call);
        Ok(())
    }

    /// Ends the answer: the calls come out, then the end. Says whether it was an end: a stream that
    /// stops without a reason was cut off.
    pub(crate) fn finish(&mut self) -> bool {
        let Some(stop) = self.stop.filter(|_| !self.finished) else {
            return self.finished;
        };
        let mut ids = HashSet::new();
        for call in std::mem::take(&mut self.calls) {
            let mut call = call.into_call();
            if !ids.insert(call.id.clone()) {
                // Two calls must not answer to one id: an approval or a result would fit both.
                call.id = fresh_id();
            }
            self.ready.push_back(ModelEvent::Call(call));
        }
        self.ready.push_back(ModelEvent::Finished { stop, usage: self.usage });
        self.finished = true;
        true
    }

    /// Whether [`Self::finish`] has succeeded.
    pub(crate) const fn finished(&self) -> bool {
        self.finished
    }
}

impl DraftCall {
    fn extend(&mut self, id: &str, name: &str, arguments: Option<&Value>) {
        if self.id.is_empty() && valid_id(id) {
            id.clone_into(&mut self.id);
        }
        if self.name.is_empty() {
            self.name = text::clip(name, 128);
        }
        match (arguments, &mut self.arguments) {
            (Some(Value::String(more)), Arguments::Text(held)) if held.len() + more.len() <= MAX_ARGUMENTS => {
                held.push_str(more);
            }
            (Some(Value::String(_)), Arguments::Text(_)) => self.arguments = Arguments::TooLarge,
            (None | Some(Value::Null), _) | (Some(_), Arguments::TooLarge) => {}
            (Some(whole), Arguments::Text(held)) if held.is_empty() => self.arguments = Arguments::Whole(whole.clone()),
            // A whole value beside fragments: whichever was meant, it is not one object.
            (Some(_), Arguments::Text(_) | Arguments::Whole(_)) => self.arguments = Arguments::Whole(Value::Null),
        }
    }

    /// The call. Arguments that are not a JSON object become `null`, which no tool's shape accepts:
    /// the gate refuses it by its shape, and nothing is guessed.
    fn into_call(self) -> ToolCall {
        let arguments = match self.arguments {
            // How providers spell a call without arguments.
            Arguments::Text(text) if text.trim().is_empty() => Value::Object(Map::new()),
            Arguments::Text(text) => json::bounded(&text, MAX_ARGUMENTS, MAX_DEPTH).unwrap_or_default(),
            Arguments::Whole(value) => value,
            Arguments::TooLarge => Value::Null,
        };
        let arguments = if arguments.is_object() { arguments } else { Value::Null };
        let id = if self.id.is_empty() { fresh_id() } else { self.id };
        ToolCall { id, tool: ToolName::new(&self.name), arguments }
    }
}

fn valid_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An id for a call that came without a usable one.
fn fresh_id() -> String {
    let mut random = [0_u8; 12];
    // Without randomness the ids could only clash, which the next stage refuses.
    let _ = aws_lc_rs::rand::fill(&mut random);
    random.iter().fold(String::from("call_"), |id, byte| format!("{id}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calls(draft: &mut Draft) -> Vec<ToolCall> {
        draft.stop = Some(StopReason::Calls);
        assert!(draft.finish());
        let calls = draft.ready.drain(..).filter_map(|event| match event {
            ModelEvent::Call(call) => Some(call),
            ModelEvent::Text(_) | ModelEvent::Finished { .. } => None,
        });
        calls.collect()
    }

    #[test]
    fn fragments_join_by_slot() {
        let mut draft = Draft::default();
        draft.call(Some(1), "b", "read", Some(&json!("{\"path\""))).expect("fits");
        draft.call(Some(0), "a", "exec", None).expect("fits");
        draft.call(Some(1), "", "", Some(&json!(":\"x\"}"))).expect("fits");
        let calls = calls(&mut draft);
        assert_eq!((calls[0].id.as_str(), &calls[0].arguments), ("b", &json!({"path": "x"})));
        assert_eq!((calls[1].id.as_str(), &calls[1].arguments), ("a", &json!({})));
    }

    #[test]
    fn whole_calls_that_share_an_index_stay_apart() {
        let mut draft = Draft::default();
        draft.call(Some(0), "a", "read", Some(&json!("{\"path\":\"1\"}"))).expect("fits");
        draft.call(Some(0), "b", "read", Some(&json!({"path": "2"}))).expect("fits");
        draft.call(None, "", "read", Some(&json!({"path": "3"}))).expect("fits");
        let paths: Vec<_> = calls(&mut draft).into_iter().map(|call| call.arguments["path"].clone()).collect();
        assert_eq!(paths, ["1", "2", "3"]);
    }

    #[test]
    fn what_is_no_object_becomes_null_and_ids_become_usable() {
        let mut draft = Draft::default();
        let deep = "[".repeat(65) + &"]".repeat(65);
        let odd = [json!("{\"command\":\"ls"), json!("[1]"), json!(7), json!(format!("{{\"a\":{deep}}}"))];
        for (slot, arguments) in odd.iter().enumerate() {
            draft.call(Some(slot as u64), "same", "exec", Some(arguments)).expect("fits");
        }
        draft.call(Some(9), "bad id\n", "exec", Some(&json!("x".repeat(1 << 20)))).expect("fits");
        draft.call(Some(9), "", "", Some(&json!("{}"))).expect("fits");
        let calls = calls(&mut draft);
        assert!(calls.iter().all(|call| call.arguments.is_null()));
        let ids: HashSet<_> = calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids.len(), 5);
        assert!(calls.iter().all(|call| valid_id(&call.id)));
    }

    #[test]
    fn too_many_calls_and_unfinished_answers_propose_nothing() {
        let mut draft = Draft::default();
        for slot in 0..32 {
            draft.call(Some(slot), "", "exec", None).expect("fits");
        }
        assert_eq!(draft.call(Some(32), "", "exec", None), Err(WireError::TooManyCalls));
        assert!(!draft.finish());
        assert!(draft.ready.is_empty());
    }
}
