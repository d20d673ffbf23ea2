// The API, drawn from its own description; each operation can be asked.

import { element } from "/static/format.js";

const at = (id) => document.getElementById(id);
const HEADERS = ["content-type", "etag", "retry-after", "tickstream-stale", "tickstream-missing"];
const MOST = 20_000; // characters of an answer that are shown
const EVENTS = 12;

async function start() {
  try {
    const described = await (await fetch("/openapi.json")).json();
    at("about").textContent = described.info.description;
    const shown = Object.entries(described.paths).filter(([path]) => !path.startsWith("/api/v1/"));
    at("operations").replaceChildren(...shown.map(([path, { get }]) => operation(path, get)));
  } catch (error) {
    at("failed").hidden = false;
    at("failed").textContent = `The description can't be read: ${error.message}`;
  }
}

function operation(path, described) {
  const parameters = described.parameters ?? [];
  const fields = element("div", { class: "fields" }, ...parameters.map((each) => field(described.operationId, each)));
  const answer = element("div", { class: "answer", "aria-live": "polite" });
  const form = element("form", {}, fields, element("button", { class: "ask" }, "Ask"), answer);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const streams = "text/event-stream" in described.responses[200].content;
    (streams ? listen : ask)(address(path, parameters, form), answer);
  });
  return element(
    "details",
    { class: "card operation" },
    element("summary", {}, element("span", { class: "path" }, path), element("span", { class: "soft" }, described.summary)),
    form,
  );
}

function field(operationId, { name, description, required, schema }) {
  const id = `${operationId}-${name}`;
  const input = schema.type === "boolean" ? choice(id, name) : element("input", { id, name, spellcheck: "false" });
  input.placeholder = schema.examples?.[0] ?? schema.default ?? "";
  input.required = required;
  const label = element("label", { for: id }, name, required ? " (required)" : "");
  return element("div", { class: "field" }, label, element("span", { class: "soft" }, description.replaceAll("`", "")), input);
}

function choice(id, name) {
  const made = element("select", { id, name });
  for (const value of ["", "true", "false"]) made.append(new Option(value || "(default)", value));
  return made;
}

function address(path, parameters, form) {
  const query = new URLSearchParams();
  for (const { name, in: place } of parameters) {
    const value = form.elements[name].value;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value) query.set(name, value);
  }
  return query.size ? `${path}?${query}` : path;
}

async function ask(url, place) {
  const begun = performance.now();
  try {
    const response = await fetch(url);
    const text = await response.text();
    const took = Math.round(performance.now() - begun);
    const headers = HEADERS.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    show(place, `GET ${url}`, `${response.status} in ${took} ms. ${headers.join("; ")}`, pretty(text));
  } catch (error) {
    show(place, `GET ${url}`, `No answer: ${error.message}`, "");
  }
}

function pretty(text) {
  let whole = text;
  try {
    whole = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is no JSON: shown as it is.
  }
  return whole.length > MOST ? `${whole.slice(0, MOST)}\n… ${whole.length - MOST} characters more` : whole;
}

// Events as they come, the first few.
async function listen(url, place) {
  const stop = new AbortController();
  let text = "";
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok) return ask(url, place);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    while (text.split("\n\n").length <= EVENTS) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      show(place, `GET ${url}`, `${response.status}; the first ${EVENTS} events`, text);
    }
  } catch (error) {
    show(place, `GET ${url}`, `No answer: ${error.message}`, text);
  }
  stop.abort();
}

function show(place, ...[url, status, body]) {
  place.replaceChildren(element("p", {}, element("code", {}, url)), element("p", { class: "soft" }, status), element("pre", { tabindex: "0" }, body));
}

start();
