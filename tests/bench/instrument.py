"""What the start-up benchmark puts into the pages it measures: an observer in each app, and a floor app.

    files, headers = observed(floor_app(), {}, VALUES)
    with Site(files, headers, FAST, certificate) as site:
        ...                 # the app is opened
        site.report()       # {"started": ..., "seen": {text: when}, "paint": ..., "shown": ..., "bytes": ...}

Both are JavaScript in a string because they must cost less than what they measure; the product has none. The observer stands
in the served HTML and tells the app's own server what it saw. To put it there from outside would take a debugger, and an
agent's browser has none: one that is attached holds each new frame and reports each request, which costs the app that
has more of them more (docs/startup.md).
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode

REPORT = "/bench-report"  # where the observer tells what it saw
CHANGED = "Changed"  # the second thing it waits for
# Notes when each wanted text is first visible in the document: letters and digits alone are compared, so a phone number grouped
# for reading counts. It tells when all are there; then it waits for CHANGED and tells again. Times are milliseconds since 1970
# in one clock (performance.timeOrigin + now), the paint's since the navigation. It is the last of the body: a script in the
# head would stop the parser there, which costs a frame. Its own text, which names what is wanted, leaves the document first.
_OBSERVER = """
(() => {
  document.currentScript.remove();
  const now = () => performance.timeOrigin + performance.now();
  const plain = text => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const ALL = { subtree: true, childList: true, characterData: true };
  const watch = texts => new Promise(resolve => {
    const missing = new Map(texts.map(text => [plain(text), text])), found = new Map();
    const find = node => {
      const page = plain(node.textContent);
      for (const [key, text] of missing)
        if (page.includes(key)) { found.set(text, { node, when: now() }); missing.delete(key); }
    };
    // To be in the document is not to be visible yet: an app may show its page when it is complete.
    const settle = () => {
      const when = now();
      for (const place of found.values()) {
        if (place.hidden) place.when = when;
        place.hidden = !(place.node.isConnected ? place.node : document.body).checkVisibility();
      }
      if ([...found.values()].some(place => place.hidden)) observer.observe(document, { ...ALL, attributes: true });
      else {
        observer.disconnect();
        resolve(Object.fromEntries([...found].map(([text, place]) => [text, place.when])));
      }
    };
    const observer = new MutationObserver(records => {
      if (missing.size) for (const node of new Set(records.map(({ target }) => target.parentElement ?? target))) find(node);
      if (!missing.size) settle();
    });
    observer.observe(document, ALL);
    // What an app wrote before is looked for as it is, ungrouped: to read all of the text plainly would take its time.
    const page = document.body.textContent;
    if (texts.some(text => page.includes(text))) find(document.body);
    if (!missing.size) settle();
  });
  // The paint may be told after the values are there: one that was left out for being late would make the median earlier.
  const paint = () => new Promise(resolve => {
    new PerformanceObserver((list, observer) => {
      for (const { name, startTime } of list.getEntries())
        if (name === "first-contentful-paint") { observer.disconnect(); resolve(startTime); }
    }).observe({ type: "paint", buffered: true });
  });
  const tell = seen => fetch(REPORT, { method: "POST", body: JSON.stringify(seen) });
  watch(WANTED).then(async seen => {
    const changed = watch([CHANGED]);
    await tell({ started: performance.timeOrigin, seen, paint: await paint(), shown: plain(document.body.innerText) });
    await tell({ seen: await changed });
  });
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


def observed(
    files: dict[str, bytes], headers: dict[str, str], wanted: list[str]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return an app's files and headers with the observer in its page, allowed by its hash where there is a policy."""
    script = _OBSERVER.replace("REPORT", json.dumps(REPORT)).replace("CHANGED", json.dumps(CHANGED))
    script = script.replace("WANTED", json.dumps(wanted))
    before, end, after = files["index.html"].decode().rpartition("</body>")
    page = f"{before}<script>{script}</script>{end}{after}" if end else f"{after}<script>{script}</script>"
    allowed = f"script-src 'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    policies = {name: value.replace("script-src", allowed) for name, value in headers.items()}
    return {**files, "index.html": page.encode()}, policies


def floor_app() -> dict[str, bytes]:
    """Return the floor app as files of a site."""
    return {"index.html": _FLOOR.encode()}
