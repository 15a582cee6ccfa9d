use proptest::prelude::*;
use serde_json::json;

use super::*;

fn set(key: &str, to: Value) -> Edit {
    Edit::Set { key: KeyPath::dotted(key), to }
}

fn remove(key: &str) -> Edit {
    Edit::Remove { key: KeyPath::dotted(key) }
}

fn edited_by(text: &str, change: Edit) -> String {
    edit(Format::Json5, text, &[change]).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn a_value_is_replaced_and_nothing_else() {
    for (text, to, expected) in [
        ("{a: 1}", json!(2), "{a: 2}"),
        ("{a: 'x'}", json!("it's"), "{a: 'it\\'s'}"),
        ("{\"a\": \"x\",\n}", json!("y\"\n\u{2028}"), "{\"a\": \"y\\\"\\n\\u2028\",\n}"),
        ("\u{feff}{a : 'x' /* } */ , b: 1}", json!(true), "\u{feff}{a : true /* } */ , b: 1}"),
        ("{\r\n  a: 1, // a: 2\r\n}\r\n", json!(3), "{\r\n  a: 3, // a: 2\r\n}\r\n"),
        ("{\ra: 1 // c\r}", json!(3), "{\ra: 3 // c\r}"),
        ("// {a: 0}\n{\"\\u0061\": 1}", json!(3), "// {a: 0}\n{\"\\u0061\": 3}"),
        ("{a: 1, a: 2}", json!(3), "{a: 1, a: 3}"),
        ("{b: '// a: 1', /* a: 1, */ a: 1}", json!(3), "{b: '// a: 1', /* a: 1, */ a: 3}"),
        ("{a: {x: 1}}", json!(null), "{a: null}"),
        ("{\n  a: 1\n}", json!({"b": ["x"], "c": {}}), "{\n  a: {\n    b: [\"x\"],\n    c: {}\n  }\n}"),
        ("{'a': 0x10}", json!(-1.5), "{'a': -1.5}"),
    ] {
        assert_eq!(edited_by(text, set("a", to)), expected, "{text:?}");
    }
    assert_eq!(edited_by("{l: [1, {x: 2}]}", set("l.1.x", json!(3))), "{l: [1, {x: 3}]}");
    let same = "{a: 1, /* x */}";
    assert_eq!(edited_by(same, set("a", json!(1))), same);
}

#[test]
fn a_new_key_is_written_as_its_neighbours_are() {
    for (text, expected) in [
        ("{}", "{\n  \"n\": \"v\"\n}"),
        ("{ }\n", "{\n  \"n\": \"v\"\n}\n"),
        ("{\n}", "{\n  \"n\": \"v\"\n}"),
        ("{ // c\n}", "{ // c\n  \"n\": \"v\"\n}"),
        ("{a: 1}", "{a: 1, n: \"v\"}"),
        ("{ a: 1 }", "{ a: 1, n: \"v\" }"),
        ("{ a: 1, }", "{ a: 1, n: \"v\", }"),
        ("{\"a\":1}", "{\"a\":1,\"n\":\"v\"}"),
        ("{'a': 'x' /* c */}", "{'a': 'x', /* c */ 'n': 'v'}"),
        ("{a: 1 // c\n}", "{a: 1, // c\n  n: \"v\"\n}"),
        ("{\n    a: 'x'\n}", "{\n    a: 'x',\n    n: 'v'\n}"),
        ("{\n\ta: 1, // about a\n\t// the end\n}", "{\n\ta: 1, // about a\n\tn: \"v\",\n\t// the end\n}"),
        ("{\n  a: 1 // about a\n  /* n: 1 */\n}", "{\n  a: 1, // about a\n  n: \"v\"\n  /* n: 1 */\n}"),
        ("{\r\n  \"a\": 1\r\n}\r\n", "{\r\n  \"a\": 1,\r\n  \"n\": \"v\"\r\n}\r\n"),
        ("{\r a: 1\r}", "{\r a: 1,\r n: \"v\"\r}"),
        ("{ a: 1,\n  b: 2 }", "{ a: 1,\n  b: 2,\n  n: \"v\" }"),
        ("{\n  a: 1\n  // c\n  , b: 2\n}", "{\n  a: 1\n  // c\n  , b: 2, n: \"v\"\n}"),
    ] {
        assert_eq!(edited_by(text, set("n", json!("v"))), expected, "{text:?}");
    }
}

#[test]
fn what_lacks_on_the_way_is_made() {
    let text = "{\n  gateway: {\n    port: 1,\n  },\n  tools: {},\n}\n";
    assert_eq!(
        edited_by(text, set("gateway.auth.mode", json!("token"))),
        "{\n  gateway: {\n    port: 1,\n    auth: {\n      mode: \"token\"\n    },\n  },\n  tools: {},\n}\n"
    );
    assert_eq!(
        edited_by(text, set("tools.fs.x", json!(1))),
        "{\n  gateway: {\n    port: 1,\n  },\n  tools: {\n    fs: {\n      x: 1\n    }\n  },\n}\n"
    );
    assert_eq!(edited_by("{a: {}}", set("a.b.c", json!([]))), "{a: {b: { c: [] }}}");
    let odd = KeyPath::default().child("a.b").child("it's \"ü\"");
    let text = edited_by("{c: 1}", Edit::Set { key: odd, to: json!(1) });
    assert_eq!(agreed(Format::Json5, &text), Ok(json!({"c": 1, "a.b": {"it's \"ü\"": 1}})));
    for word in ["__proto__", "constructor", "true", "null", "1a", "Infinity", "", "a-b", "ключ"] {
        let key = KeyPath::default().child(word).child("x");
        let text = edited_by("{c: 1}", Edit::Set { key, to: json!(1) });
        assert_eq!(agreed(Format::Json5, &text), Ok(json!({"c": 1, word: {"x": 1}})));
    }
}

#[test]
fn a_key_goes_with_its_line_and_no_other_comment() {
    for (text, expected) in [
        ("{a: 1}", "{}"),
        ("{ a: 1 }", "{ }"),
        ("{a: 1, b: 2}", "{b: 2}"),
        ("{b: 2, a: 1}", "{b: 2}"),
        ("{b: 2, a: 1,}", "{b: 2, }"),
        ("{\n  // above\n  a: 1, // about a\n  b: 2\n}", "{\n  // above\n  b: 2\n}"),
        ("{\n  b: 2, // about b\n  a: 1 // about a\n}", "{\n  b: 2 // about b\n}"),
        ("{\n  a: {\n    x: 1\n  },\n  b: 2,\n}", "{\n  b: 2,\n}"),
        ("{\r\n  a: 1,\r\n  b: 2,\r\n}", "{\r\n  b: 2,\r\n}"),
        ("{\n  a: 1\n  // about b\n  , b: 2\n}", "{\n  // about b\n   b: 2\n}"),
        ("{\n  a: 1, b: 2\n}", "{\n  b: 2\n}"),
        ("{\n  a: 1, /* b\n  */ b: 2\n}", "{\n  /* b\n  */ b: 2\n}"),
        ("{a: 1, b: 2, \"a\": 3, '\\x61': 4}", "{b: 2}"),
    ] {
        assert_eq!(edited_by(text, remove("a")), expected, "{text:?}");
    }
    assert_eq!(edited_by("{b: 1}", remove("a.b.c")), "{b: 1}");
    assert_eq!(edited_by("{l: ['a', 'b', 'a']}", remove("l.0")), "{l: ['b', 'a']}");
}

#[test]
fn items_are_dropped_from_a_list() {
    let drop = |text: &str| edited_by(text, Edit::Drop { key: KeyPath::dotted("l"), item: json!("*") });
    assert_eq!(drop("{l: ['*']}"), "{l: []}");
    assert_eq!(drop("{l: ['a', '*', \"\\u002a\", 'b']}"), "{l: ['a', 'b']}");
    assert_eq!(drop("{l: [\n  'a', // a\n  '*', // all\n  'b'\n]}"), "{l: [\n  'a', // a\n  'b'\n]}");
    assert_eq!(drop("{l: [\n  'a',\n  // above\n  '*'\n]}"), "{l: [\n  'a'\n  // above\n]}");
    assert_eq!(drop("{l: 'x'}"), "{l: 'x'}");
    let many = format!("{{l: [{}]}}", "'*',".repeat(10_000));
    let drop = Edit::Drop { key: KeyPath::dotted("l"), item: json!("*") };
    assert!(edit(Format::Json5, &many, &[drop]).is_err(), "a bounded number of scans");
    let twins = format!("{{{}}}", "a:1,".repeat(10_000));
    assert!(edit(Format::Json5, &twins, &[remove("a")]).is_err());
}

#[test]
fn what_has_no_one_meaning_is_not_edited() {
    for text in [
        "{bind: 'loopback', // \u{2028} bind: 'lan',\n}",
        "{a\\u0062: 1}",
        "{a/**/: 1}",
        "{a: 'x\\0y', b: 1, \u{200d}c: 2}",
        "{a: 1} /* \u{2029}",
    ] {
        let result = edit(Format::Json5, text, &[set("n", json!(1))]);
        assert!(
            matches!(result, Err(EditError::Disagreement { .. } | EditError::Syntax { .. })),
            "{text:?} {result:?}"
        );
    }
    let text = "{bind: 'loopback', // \u{2028} bind: 'lan',\n}";
    let expected = EditError::Disagreement {
        line: Some(1),
        key: Some(KeyPath::dotted("bind")),
        why: "the second one finds another value here".to_owned(),
    };
    assert_eq!(agreed(Format::Json5, text), Err(expected));
    for text in ["", " ", "// only", "/* {} */", "{a: 1 b: 2}", "{a: 1}}", "{a: */ 1}", "{1: 2}", "{a: 01}"] {
        assert!(matches!(agreed(Format::Json5, text), Err(EditError::Syntax { .. })), "{text:?}");
    }
    assert_eq!(edit(Format::Json5, "{}", &[set("", json!(1))]), Err(EditError::Root));
    let blocked = edit(Format::Json5, "{a: 'sk-live'}", &[set("a.b", json!(1))]).expect_err("a scalar");
    assert_eq!(blocked, EditError::NotAnObject { key: KeyPath::dotted("a") });
    let large = " ".repeat(5 << 20);
    assert_eq!(agreed(Format::Json5, &large), Err(EditError::TooLarge));
}

#[test]
fn tricks_with_comments_and_depth_do_not_lead_astray() {
    let text = "/*/ {a: 0} */{/**/'a'/*:*/:/*{*/1/*,*/,/*a:2*/b:'*/'/**/}/*}*/";
    assert_eq!(edited_by(text, set("a", json!(7))), "/*/ {a: 0} */{/**/'a'/*:*/:/*{*/7/*,*/,/*a:2*/b:'*/'/**/}/*}*/");
    let deep = format!("{}1{}", "{a:".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
    let key: KeyPath = vec!["a"; MAX_DEPTH].into_iter().collect();
    assert_eq!(edited_by(&deep, Edit::Set { key: key.clone(), to: json!(2) }), deep.replace('1', "2"));
    let deeper = edit(Format::Json5, &deep, &[Edit::Set { key, to: json!({"a": 1}) }]);
    assert!(matches!(deeper, Err(EditError::NotExact { .. })), "{deeper:?}");
    assert_eq!(edited_by("{l: 'http://x // y'}", remove("l")), "{}");
}

const YAML: &str = "# head\ngateway:\n  bind: lan # about bind\n  port: 18789\n  auth:\n    mode: 'none'\n\n  # end of gateway\ntools:\n  deny:\n    - exec # dangerous\n    - \"*\"\n  allow: [read, 'write']\nlist:\n- id: a\n  x: 1\n- id: b\n";

fn yaml(text: &str, change: Edit) -> Result<String, String> {
    edit(Format::Yaml, text, &[change]).map_err(|error| error.to_string())
}

#[test]
fn an_edit_shows_its_key_and_not_its_value() {
    assert_eq!(format!("{:?}", set("gateway.auth.token", json!("sk-live"))), "Set(gateway.auth.token)");
}

#[test]
fn yaml_keeps_its_comments_and_its_manner() {
    let changed = |from: &str, to: &str| Ok(YAML.replace(from, to));
    assert_eq!(yaml(YAML, set("gateway.bind", json!("loopback"))), changed("lan #", "loopback #"));
    assert_eq!(yaml(YAML, set("gateway.bind", json!("off"))), changed("lan #", "\"off\" #"));
    assert_eq!(yaml(YAML, set("gateway.auth.mode", json!("it's"))), changed("'none'", "'it''s'"));
    assert_eq!(yaml(YAML, set("gateway.port", json!(1))), changed("18789", "1"));
    assert_eq!(yaml(YAML, set("list.0.x", json!(true))), changed("x: 1", "x: true"));
    assert_eq!(yaml(YAML, set("tools.allow", json!(["a", 1]))), changed("[read, 'write']", "[\"a\", 1]"));
    let inserted = changed("    mode: 'none'\n", "    mode: 'none'\n    rateLimit:\n      max: 5\n");
    assert_eq!(yaml(YAML, set("gateway.auth.rateLimit.max", json!(5))), inserted);
    assert_eq!(yaml("a: 1", set("b c", json!("x"))), Ok("a: 1\n\"b c\": \"x\"".into()));
    assert_eq!(yaml("a: 1\r\nb: 2\r\n", set("c", json!(null))), Ok("a: 1\r\nb: 2\r\nc: null\r\n".into()));
    assert_eq!(yaml(YAML, remove("gateway.bind")), changed("  bind: lan # about bind\n", ""));
    assert_eq!(yaml(YAML, remove("list.1")), changed("- id: b\n", ""));
    assert_eq!(yaml(YAML, remove("gateway.auth.mode")), changed("auth:\n    mode: 'none'\n", "auth: {}\n"));
    let drop = |key: &str, item: &str| Edit::Drop { key: KeyPath::dotted(key), item: json!(item) };
    assert_eq!(yaml(YAML, drop("tools.deny", "exec")), changed("    - exec # dangerous\n", ""));
    assert_eq!(yaml(YAML, drop("tools.allow", "write")), changed("[read, 'write']", "[\"read\"]"));
    assert_eq!(yaml("l:\n- '*'\n", drop("l", "*")), Ok("l: []\n".into()));
}

#[test]
fn yaml_that_is_not_read_with_certainty_is_refused() {
    for text in [
        "a: &x 1\nb: *x\n", "a: |\n  text\n", "a: !!str 1\n", "--- \na: 1\n", "a: one\n  two\n", "a: {b: 1}\n",
        "a:\tb\n", "? a\n: 1\n", "a: \"\\x41\"\n", "a: 0o17\n", "a: [b,\n c]\n", "\u{feff}a: 1\n", "a: 'x\n  y'\n",
        "<<: {a: 1}\n", "a: 010\n", "# only\n",
    ] {
        let result = yaml(text, set("n", json!(1)));
        assert!(result.is_err(), "{text:?} -> {result:?}");
    }
    assert!(yaml("a: 'sk-live' x\n", set("a", json!(1))).is_err_and(|error| !error.contains("sk-live")));
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "[a-c'\"\\\\/*{}:, \n\r\u{2028}\u{e9}]{0,6}".prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[abc]", "[ab.'\"\\\\\u{e9}]{0,3}", Just("__proto__".to_owned()), Just("true".to_owned())]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Writes a value with the next of `choices` deciding each liberty that JSON5 leaves.
fn write(value: &Value, choices: &mut dyn FnMut() -> u8, out: &mut String) {
    fn gap(choices: &mut dyn FnMut() -> u8, out: &mut String) {
        out.push_str(match choices() % 12 {
            0 => " ",
            1 => "\n  ",
            2 => " // {a: 'x', \"\n",
            3 => "/* }] a: 1, ' */",
            4 => "\r\n\t",
            5 => "// c\r",
            6 => "/***/",
            _ => "",
        });
    }
    fn text(text: &str, choices: &mut dyn FnMut() -> u8, out: &mut String) {
        let quote = if choices().is_multiple_of(2) { '"' } else { '\'' };
        let written = written::Style::string(text, quote);
        out.push_str(&if choices().is_multiple_of(4) { written.replace('a', "\\u0061") } else { written });
    }
    gap(choices, out);
    match value {
        Value::String(string) => text(string, choices, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                write(item, choices, out);
                if at + 1 < items.len() || choices().is_multiple_of(2) {
                    out.push(',');
                }
            }
            gap(choices, out);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (key, field)) in fields.iter().enumerate() {
                gap(choices, out);
                if matches!(key.as_str(), "a" | "b" | "c") && choices().is_multiple_of(2) {
                    out.push_str(key);
                    // The second parser wants a blank between a bare key and a comment.
                    out.push(' ');
                } else {
                    text(key, choices, out);
                }
                gap(choices, out);
                out.push(':');
                write(field, choices, out);
                if at + 1 < fields.len() || choices().is_multiple_of(2) {
                    out.push(',');
                }
            }
            gap(choices, out);
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
    gap(choices, out);
}

fn document() -> impl Strategy<Value = (Value, String)> {
    let fields = prop::collection::vec((name(), value()), 0..5);
    (fields, prop::collection::vec(any::<u8>(), 1..64)).prop_map(|(fields, bytes)| {
        let value = Value::Object(fields.into_iter().collect());
        let mut bytes = bytes.into_iter().cycle();
        let mut text = String::new();
        write(&value, &mut || bytes.next().unwrap_or(0), &mut text);
        (value, text)
    })
}

fn path() -> impl Strategy<Value = KeyPath> {
    prop::collection::vec(prop_oneof![3 => name(), 1 => "[0-2]"], 1..4).prop_map(|parts| parts.into_iter().collect())
}

fn change() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (path(), value()).prop_map(|(key, to)| Edit::Set { key, to }),
        path().prop_map(|key| Edit::Remove { key }),
        (path(), scalar()).prop_map(|(key, item)| Edit::Drop { key, item }),
    ]
}

/// YAML in the manner that is read, of keys and values that could mislead.
fn yaml_document() -> impl Strategy<Value = String> {
    let word = prop_oneof!["[a-c]{1,2}", "[a-c0-9.:#'\"\\[{&*!|>%@ -]{1,5}", Just("null".to_owned()), "[0-9.e+-]{1,4}"];
    let line = (0..4usize, prop_oneof![Just(""), Just("- "), Just("- - ")], "[abc]", word, any::<bool>());
    let line = line.prop_map(|(indent, dash, key, value, pair)| {
        let value = if pair { format!("{key}: {value}") } else { format!("{key}:") };
        format!("{}{dash}{value}\n", "  ".repeat(indent))
    });
    prop::collection::vec(line, 1..6).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_edit_does_what_it_means((value, text) in document(), change in change()) {
        prop_assert_eq!(agreed(Format::Json5, &text), Ok(value.clone()), "{:?}", text);
        let mut wanted = value;
        let applied = apply(&mut wanted, &change);
        match edit(Format::Json5, &text, std::slice::from_ref(&change)) {
            Ok(edited) => {
                prop_assert!(applied.is_ok());
                prop_assert_eq!(agreed(Format::Json5, &edited), Ok(wanted), "{:?} -> {:?}", text, edited);
            }
            Err(error) => prop_assert_eq!(Err(error), applied, "{:?} {:?}", text, change),
        }
    }

    #[test]
    fn a_value_that_is_set_back_gives_the_old_bytes((value, text) in document(), to in scalar(), at in any::<prop::sample::Index>()) {
        let outline = outline(&text).expect("within bounds");
        let keys: Vec<KeyPath> = value.as_object().expect("an object").keys().map(|key| KeyPath::default().child(key)).collect();
        prop_assume!(!keys.is_empty());
        let key = at.get(&keys).clone();
        let node = &outline.nodes[outline.find(key.parts()).expect("is there")];
        let (before, after) = (&text[..node.value.start], &text[node.value.end..]);
        let edited = edited_by(&text, Edit::Set { key, to });
        prop_assert!(edited.starts_with(before) && edited.ends_with(after), "{text:?} -> {edited:?}");
    }

    #[test]
    fn a_yaml_text_is_read_alike_or_not_edited(text in yaml_document(), change in change()) {
        if let Ok(value) = agreed(Format::Yaml, &text) {
            let mut wanted = value;
            let applied = apply(&mut wanted, &change);
            if let Ok(edited) = edit(Format::Yaml, &text, std::slice::from_ref(&change)) {
                prop_assert!(applied.is_ok());
                prop_assert_eq!(agreed(Format::Yaml, &edited), Ok(wanted));
            }
        }
    }

    #[test]
    fn broken_texts_never_panic((_, text) in document(), change in change(), cut in any::<prop::sample::Index>(), byte in any::<char>()) {
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        prop_assume!(!cuts.is_empty());
        let at = *cut.get(&cuts);
        let mut changed = text.clone();
        changed.insert(at, byte);
        for text in [&text[..at], &text[at..], &changed] {
            if let Ok(edited) = edit(Format::Json5, text, std::slice::from_ref(&change)) {
                prop_assert!(agreed(Format::Json5, &edited).is_ok());
            }
            let _ = edit(Format::Yaml, text, std::slice::from_ref(&change));
        }
    }
}
