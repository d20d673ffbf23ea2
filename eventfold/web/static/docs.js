// The API in Swagger UI, in the scheme that theme.js has chosen.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
document.addEventListener("themechange", paint);
paint();

const EVENTS_MS = 5_000; // how long live events are read

async function ask(url, request) {
  const response = await fetch(url, request);
  if (request.loadSpec && response.ok) return new Response(JSON.stringify(prepared(await response.json())), response);
  const streams = response.headers.get("content-type")?.startsWith("text/event-stream");
  return streams ? new Response(await beginning(response.body), response) : response;
}

// Each path of the API is described twice; the heading is for the operations, which begin at the third level.
function prepared(described) {
  for (const path of Object.keys(described.paths)) if (path.startsWith("/api/v1/")) delete described.paths[path];
  described.info.description +=
    "\n\nEach path under `/api/` is also under `/api/v1/`, where no answer will change its shape.\n\n## Operations";
  return described;
}

// Swagger UI shows an answer once it has ended, which live events never do.
async function beginning(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  setTimeout(() => reader.cancel(), EVENTS_MS);
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  return text;
}

// What its parts lack for assistive technology stands in elements around them.
const around = (name, attributes) => (Part, { React }) => (props) =>
  React.createElement(name, attributes(props), React.createElement(Part, props));
const labelled = (path) => (element) =>
  element?.querySelector("[role=region]")?.setAttribute("aria-label", `Responses of ${path}`);
const wrapComponents = {
  InfoContainer: around("section", () => ({ "aria-label": "About" })),
  JsonSchema_boolean: (Part, { React }) => (props) =>
    React.createElement("label", {}, `${props.description} `, React.createElement(Part, props)),
  responses: around("div", ({ path }) => ({ ref: labelled(path) })),
  HighlightCode: around("div", () => ({ className: "scrolls", tabIndex: 0 })),
};

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  plugins: [{ wrapComponents }],
  requestInterceptor: (request) => Object.assign(request, { userFetch: ask }),
  tryItOutEnabled: true,
  displayRequestDuration: true,
  syntaxHighlight: false, // its colours have too little contrast, and it takes long for a long answer
  validatorUrl: null, // by default a host elsewhere is asked
});
