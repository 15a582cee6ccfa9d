use stockade_policy::ExecCall;
use stockade_sandbox::Executor;

async fn run(executor: &Executor, call: ExecCall) {
    let _ = executor.run(call, std::future::pending()).await;
}

fn main() {}
