"""What the start-up benchmark puts into the browser: an observer in each frame, and a floor app.

Both are JavaScript in a string because they must cost less than what they measure; the product has none.
"""

from __future__ import annotations

import json

SHOWN = "bench: all values shown"  # on the console
# Runs before anything else in every frame. In an app's frame it notes when each wanted text first stands in the document:
# letters and digits alone are compared, so a phone number grouped for reading counts. In the workspace's page it notes
# each app's hello. It tells by itself, on the console, when all are there: a question asked meanwhile would take its time
# from the app. Times are milliseconds since 1970 in one clock (performance.timeOrigin + now).
_OBSERVER = """
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const plain = text => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  if (self === top) {
    globalThis.benchHellos = [];
    addEventListener("message", ({ data }) => {
      if (data && data.type === "connect-app-host-init") benchHellos.push(now());
    }, true);
    return;
  }
  // Looks at what changes once the page is parsed: what stands in its HTML is no value yet, and to watch the parser would
  // cost the page milliseconds. What an app wrote meanwhile is looked for as it is, ungrouped, for the same reason.
  const watch = texts => new Promise(resolve => {
    const missing = new Map(texts.map(text => [plain(text), text])), seen = {};
    const look = node => {
      const page = plain(node.textContent);
      for (const [key, text] of missing) if (page.includes(key)) { seen[text] = now(); missing.delete(key); }
      if (!missing.size) { observer.disconnect(); resolve(seen); }
    };
    const observer = new MutationObserver(records => {
      for (const node of new Set(records.map(({ target }) => target.parentElement ?? target))) look(node);
    });
    const begin = () => {
      observer.observe(document, { subtree: true, childList: true, characterData: true });
      const page = document.body.textContent;
      if (texts.some(text => page.includes(text))) look(document.body);
    };
    if (document.readyState !== "loading") begin();
    else addEventListener("DOMContentLoaded", begin, { once: true });
  });
  globalThis.bench = {
    watch,
    first: watch(WANTED).then(seen => { console.debug(SHOWN); return seen; }),
    started: () => performance.timeOrigin,
    paint: () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
    shown: () => plain(document.body.innerText),
  };
})();
"""

# Speaks the protocol and shows five values, nothing else: what an app costs that costs nothing.
_FLOOR = """<!doctype html><meta charset="utf-8"><title>floor</title><p id="out">Floor</p><script>
const channel = new MessageChannel(), port = channel.port1, out = document.getElementById("out");
let next = 0; const waiting = new Map();
const send = message => port.postMessage(message);
const origin = { _type: "app", providerId: "floor", path: "/" };
const ask = (namespace, command, data) => new Promise(resolve => {
  const requestId = String(++next); waiting.set(requestId, resolve);
  send({ type: "request", namespace, command, requestId, data, messageOrigin: origin });
});
const add = text => { out.append(" | " + text); };
const topic = { namespace: "aws.connect.contact", key: "agent/stateChange" };
port.onmessage = ({ data }) => {
  if (data.type === "response") waiting.get(data.requestId)(data.data);
  if (data.type === "publish") ask("aws.connect.contact", "agent/getState").then(state => add(state.name));
  if (data.type === "appLifecycle" && (data.stage === "create" || data.stage === "destroy"))
    send({ type: "appLifecycleHandlerCompleted", stage: data.stage, appInstanceId: data.appInstanceId });
  if (data.type === "acknowledge") {
    const contact = { contactId: "CURRENT_CONTACT" };
    send({ type: "subscribe", topic, handlerId: "h1", messageOrigin: origin });
    ask("aws.connect.contact", "agent/getName").then(value => add(value.name));
    ask("aws.connect.contact", "agent/getState").then(value => add(value.name));
    ask("aws.connect.contact", "agent/getRoutingProfile").then(value => add(value.name));
    ask("aws.connect.contact", "contact/getQueue", contact).then(value => add(value.name));
    ask("aws.connect.voice", "voice/getInitialCustomerPhoneNumber", contact).then(value => add(value.phoneNumber));
  }
};
port.start();
parent.postMessage({ type: "connect-app-host-init", sdkVersion: "1.0.11", providerId: "floor" }, "*", [channel.port2]);
</script>"""


def observer(wanted: list[str]) -> str:
    """Give the script for every frame; it writes SHOWN to the console when all of `wanted` stand in an app's document."""
    return _OBSERVER.replace("WANTED", json.dumps(wanted)).replace("SHOWN", json.dumps(SHOWN))


def floor_app() -> dict[str, bytes]:
    """Give the floor app as files of a site."""
    return {"index.html": _FLOOR.encode()}
