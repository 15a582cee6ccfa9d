use stockade_policy::{ExecCall, Permit};
use stockade_sandbox::Executor;

async fn run(executor: &Executor, permit: Permit<ExecCall>) {
    let _ = executor.run(permit, std::future::pending()).await;
    let _ = executor.run(permit, std::future::pending()).await;
}

fn main() {}
