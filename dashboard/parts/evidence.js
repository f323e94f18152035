// The evidence elements in the browser: plain data in, text and lines out.

const el = (tag, name, ...children) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  node.append(...children)              // strings become text nodes: never markup
  return node
}
const pct = share => 100 * share + "%"

function track(t) {
  const put = (name, left, width) => {
    const node = el("div", name)
    node.style.left = pct(left)
    if (width !== undefined) node.style.width = pct(width)
    return node
  }
  const line = el("div", "track", el("div", "axis"))
  line.setAttribute("aria-hidden", "true")
  if (t.reference !== null) line.append(put("reference", t.reference))
  line.append(put("interval", t.low, t.high - t.low), put("end", t.low), put("end", t.high))
  line.append(put("dot", t.value))
  return line
}

function ends(texts) {
  const line = el("div", "ends", ...texts.map(text => el("span", "", text)))
  line.setAttribute("aria-hidden", "true")
  return line
}

function button(tag, name, id, trigger, ...children) {
  const node = el(tag, name, ...children)
  if (tag !== "button") return node
  node.type = "button"
  node.dataset.id = id
  node.onclick = () => trigger("clicked", id)
  return node
}

function scroll(label, table) {
  const region = el("div", "scroll", table)
  region.tabIndex = 0
  region.setAttribute("role", "region")
  region.setAttribute("aria-label", label)
  return region
}

// --- cards
function card(c) {
  const node = el("div", c.track ? "card" : "card bare")
  node.setAttribute("role", "group")
  const sentence = [`${c.label} ${c.value}`, c.remark, c.interval + c.evidence]
  node.setAttribute("aria-label", sentence.filter(Boolean).join(", "))
  node.append(el("div", "head", el("strong", "", c.label), el("span", "quiet", c.remark)))
  node.append(el("div", "value", c.value))
  if (c.track) node.append(el("div", "", track(c.track), ends(c.track.ends)))
  node.append(el("div", "evidence", el("strong", "", c.interval), c.evidence))
  return node
}

function cards(data) {
  return el("div", data.small ? "cards small" : "cards", ...data.cards.map(card))
}

// --- the table of runs
const cell = (tag, scope, name, ...children) => {
  const node = el(tag, name, ...children)
  if (scope) node.scope = scope
  return node
}

function forestHead(data) {
  const tall = (name, text) => Object.assign(cell("th", "col", name, text), { rowSpan: 2 })
  const wide = Object.assign(cell("th", "colgroup", "", data.head), { colSpan: 2 })
  const first = el("tr", "", tall("", "Run"), wide, tall("n far", "n"), tall("far", "Started"))
  return el("thead", "", first, el("tr", "", el("td", "line", ends(data.ends)), el("td")))
}

function forestRow(r, trigger) {
  const name = button("button", "", r.id, trigger, r.run)
  return el("tr", "",
    cell("th", "row", "", name, " ", el("small", "", r.remark)),
    el("td", "line", track(r.track)),
    el("td", "numbers", el("strong", "", r.auc), " ", el("small", "", r.bounds)),
    el("td", "n far", r.n), el("td", "far", r.started))
}

function forestGroup(g, trigger) {
  const title = cell("th", "rowgroup", "", el("strong", "", g.name), "  ", el("small", "", g.note))
  title.colSpan = 5
  return el("tbody", "", el("tr", "", title), ...g.rows.map(r => forestRow(r, trigger)))
}

function forest(data, trigger) {
  const groups = data.groups.map(g => forestGroup(g, trigger))
  return scroll(data.label, el("table", "forest", forestHead(data), ...groups))
}

// --- the confusion matrix
function matrixCell(c, color, data, trigger) {
  const lines = [el("span", "count", c.count), " ", el("span", "percent", c.percent), " "]
  lines.push(el("span", "says", c.says))
  if (data.choose) lines.push(el("span", "hidden", ", show these pictures"))
  const node = button(data.choose ? "button" : "div", "cell", c.id, trigger, ...lines)
  if (data.choose) node.setAttribute("aria-pressed", c.pressed)
  node.style.setProperty("--tint", `var(--color-${color})`)
  node.style.setProperty("--strength", 8 + 36 * c.share + "%")
  return el("td", "", node)
}

function matrixRow(r, data, trigger) {
  const name = el("th", "", el("div", "quiet", "truly "), el("strong", "", r.name))
  name.scope = "row"
  return el("tr", "", name, ...r.cells.map(c => matrixCell(c, r.color, data, trigger)))
}

function matrix(data, trigger) {
  const says = Object.assign(el("th", "quiet", "the model says"), { colSpan: 2, scope: "colgroup" })
  const names = data.names.map(name => {
    return Object.assign(el("th", "", el("strong", "", name)), { scope: "col" })
  })
  const top = el("thead", "", el("tr", "", el("td"), says), el("tr", "", el("td"), ...names))
  const body = el("tbody", "", ...data.rows.map(r => matrixRow(r, data, trigger)))
  const cols = el("colgroup", "", el("col"), el("col"), el("col"))
  return scroll(data.label, el("table", "matrix", cols, top, body))
}

// --- one component for all three

// Draw anew, keeping the keyboard's place.
function redraw(root, content) {
  const focused = root.getRootNode().activeElement?.dataset.id
  root.replaceChildren(content)
  if (focused) root.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus()
}

// Streamlit calls this again when the theme changes, but does not rerun the page by itself.
function noticeTheme(root, trigger) {
  const style = getComputedStyle(root)
  const colors = style.getPropertyValue("--st-chart-categorical-colors").split(",")
  colors.forEach((color, place) => root.style.setProperty(`--color-${place + 1}`, color.trim()))
  const background = style.getPropertyValue("--st-background-color").trim()
  if (root.dataset.background && root.dataset.background !== background)
    trigger("theme", background)
  root.dataset.background = background
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root")
  const kinds = { cards, forest, matrix }
  redraw(root, kinds[data.kind](data, setTriggerValue))
  noticeTheme(root, setTriggerValue)
}
