//! The triggers that the page calls, and the RPC methods and the topic of the application's
//! protocol.

use std::{collections::BTreeMap, time::Duration};

use selvedge::{
    Ctx, Failure, Result, Server,
    calls::{Kwargs, Rest},
    values::{Attachment, Packed},
};
use serde::Serialize;
use serde_json::json;

use crate::{Pace, Unserializable};

/// Duration of a step of `slow`.
const STEP_TAKES: Duration = Duration::from_millis(20);

/// Any named arguments.
type Named = Kwargs<BTreeMap<String, Packed>>;

pub(crate) fn register(server: &Server, pace: &Pace) -> Result<()> {
    arithmetic(server);
    slow(server, pace);
    failures(server);
    values(server);
    pushes(server);
    protocol(server);
    let local = server.anonymous_trigger(|_: Ctx, x: Option<Packed>| {
        println!("local function, {x:?}");
        "local"
    });
    server.state().set("local_trigger_name", local.name());
    Ok(())
}

fn arithmetic(server: &Server) {
    #[derive(Serialize)]
    struct Sum {
        sum: i64,
        kw: BTreeMap<String, Packed>,
    }
    server.trigger("add", |cx: Ctx, a: i64, b: Option<i64>, kw: Named| {
        cx.state().set("count", a);
        Sum { sum: a + b.unwrap_or(10), kw: kw.0 }
    });
}

fn slow(server: &Server, pace: &Pace) {
    let steps = pace.clone();
    server.trigger("slow", move |cx: Ctx, count: u32| {
        let pace = steps.clone();
        async move {
            for step in 1..=count {
                cx.state().set("slow_ticks", step).flush();
                pace.pause(STEP_TAKES).await;
            }
            "slow-done"
        }
    });
    let pace = pace.clone();
    server.trigger("long", move |_: Ctx, seconds: f64| {
        let pause = Duration::try_from_secs_f64(seconds).map(|time| pace.pause(time));
        async move {
            pause?.await;
            Ok::<_, Failure>("long-done")
        }
    });
}

fn failures(server: &Server) {
    server.trigger("boom", |cx: Ctx| -> Result<(), Failure> {
        // The change is still sent.
        cx.state().set("count", 77);
        Err(Failure::msg("kaboom"))
    });
    server.trigger("bad_result", |_: Ctx| Unserializable);
    server
        .trigger("unserializable_state", |cx: Ctx| cx.set("bad", Unserializable).set("good", 123));
}

fn values(server: &Server) {
    server.trigger("get_bytes", |_: Ctx, count: usize| {
        let all: Vec<u8> = (0..=255).collect();
        Attachment::from(all.repeat(count / 256 + 1))
    });
    server.trigger("echo", |_: Ctx, Kwargs(named): Named, arguments: Rest| (arguments.0, named));
    server.trigger("dirty_in_place", |cx: Ctx| {
        cx.state().update("items", |items: &mut Vec<i64>| items.push(4))
    });
}

fn pushes(server: &Server) {
    server.trigger("js", |cx: Ctx| {
        let arguments = json!([1, "two", {"three": 3}]);
        cx.server.js_call("demo_ref", "doit", arguments)
    });
    server.trigger("force", |cx: Ctx, keys: Rest| -> Result<(), Failure> {
        let keys: Vec<String> = keys.0.iter().map(Packed::decode).collect::<Result<_, _>>()?;
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        cx.server.force_state_push(&keys);
        Ok(())
    });
}

fn protocol(server: &Server) {
    #[derive(Serialize)]
    struct Call {
        args: Vec<Packed>,
        kw: BTreeMap<String, Packed>,
    }
    #[derive(Serialize)]
    struct Published {
        n: Packed,
        blob: Attachment,
        att: Attachment,
    }
    server
        .rpc("demo.extra.call", |_: Ctx, Kwargs(kw): Named, args: Rest| Call { args: args.0, kw });
    server.rpc("demo.extra.publish", |cx: Ctx, n: Packed| {
        let data = Published { n, blob: vec![0, 1, 2].into(), att: b"att".to_vec().into() };
        cx.server.publish("demo.extra.topic", data).map(|()| true)
    });
    server.rpc("demo.extra.big", |_: Ctx, size: usize| Attachment::from(vec![b'z'; size]));
    server.rpc("demo.extra.dt", |_: Ctx| {
        let numbers = (1, 1_u64 << 40, -5, 1_u64 << 63, 0.1, f64::INFINITY);
        let (one, two_to_40, negative, two_to_63, tenth, infinite) = numbers;
        let list = json!({"k": [1]});
        let by_number = BTreeMap::from([(1, "intkey")]);
        (one, two_to_40, negative, two_to_63, tenth, infinite, (), true, "é", list, by_number)
    });
}
