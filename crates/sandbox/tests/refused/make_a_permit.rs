use stockade_policy::{ExecCall, Permit};

fn make(call: ExecCall) -> Permit<ExecCall> {
    Permit { call }
}

fn main() {}
