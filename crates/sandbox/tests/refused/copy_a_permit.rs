use stockade_policy::{ExecCall, Permit};

fn copy(permit: Permit<ExecCall>) -> Permit<ExecCall> {
    permit.clone()
}

fn main() {}
