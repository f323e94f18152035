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

// --- values on one scale
function dots(data) {
  const line = el("div", "track dots", el("div", "axis"))
  const mean = el("div", "reference")
  mean.style.left = pct(data.mean)
  line.append(mean, ...data.dots.map(d => {
    const node = el("div", d.chosen ? "dot chosen" : "dot")
    node.style.left = pct(d.at)
    node.title = d.title
    return node
  }))
  const picture = el("div", "", line, ends(data.ends))
  picture.setAttribute("role", "img")
  picture.setAttribute("aria-label", data.label)
  return picture
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

// --- many classes: the confusion matrix of all
function swatch(name, text) {
  const box = el("span", "swatch " + name)
  box.setAttribute("aria-hidden", "true")
  return el("span", "", box, " ", text)
}

function legend() {
  return el("p", "legend",
    el("span", "", "Rows: what is true. Columns: what the model says."), " ",
    swatch("right", "right"), " ", swatch("wrong", "mistaken"), " ",
    el("span", "", "The tint is the share of the row."))
}

function className(scope, data, at) {
  const node = cell("th", scope, at === data.target ? "chosen" : "", el("span", "", data.names[at]))
  node.title = data.full[at]
  return node
}

function confusionCell(c, data) {
  const node = el("button", "cell", data.compact ? c.count : el("span", "count", c.count))
  const does = `${c.says}, show these pictures`
  if (data.compact) node.setAttribute("aria-label", `${c.count} ${does}`)
  else node.append(" ", el("span", "percent", c.percent), " ", el("span", "hidden", does))
  node.type = "button"
  node.title = `${c.count} ${c.says}, ${c.percent} of the row`
  node.dataset.id = c.id
  node.setAttribute("aria-pressed", c.id === data.pressed)
  node.style.setProperty("--strength", 7 + 37 * Math.sqrt(c.share) + "%")
  return node
}

function confusionRow(cells, truth, data) {
  const filled = new Map(cells.map(c => [c.at, c]))
  return el("tr", "", className("row", data, truth), ...data.names.map((_, said) => {
    const right = truth === said ? "right" : ""
    return el("td", right, ...(filled.has(said) ? [confusionCell(filled.get(said), data)] : []))
  }))
}

function confusion(data, trigger) {
  const heads = data.names.map((_, at) => className("col", data, at))
  const body = el("tbody", "", ...data.rows.map((cells, at) => confusionRow(cells, at, data)))
  const table = el("table", "confusion " + (data.compact ? "compact" : "few"),
    el("thead", "", el("tr", "", el("td"), ...heads)), body)
  const longest = Math.max(...data.names.map(name => name.length))
  for (const [name, n] of [["digits", data.digits], ["classes", data.names.length], ["name", longest]])
    table.style.setProperty("--" + name, n)
  table.onclick = event => {              // one for all: there may be thousands of cells
    const hit = event.target.closest("[data-id]")
    if (hit) trigger("clicked", hit.dataset.id)
  }
  const region = scroll(data.label, table)
  region.classList.add("tall")
  return el("div", "", legend(), region)
}

// --- many classes: a line for each
function classesHead(data) {
  const tall = (name, text) => Object.assign(cell("th", "col", name, text), { rowSpan: 2 })
  const wide = Object.assign(cell("th", "colgroup", "", data.head), { colSpan: 2 })
  const first = el("tr", "", tall("", "Class"), wide, tall("n far", "Pictures"),
    tall("n", "Sensitivity"), tall("n", "Precision"))
  return el("thead", "", first, el("tr", "", el("td", "line", ends(data.ends)), el("td")))
}

function classesRow(r, trigger) {
  const name = button("button", "", r.id, trigger, r.name)
  name.title = r.full
  name.setAttribute("aria-pressed", r.pressed)
  const number = (value, bounds) => [el("strong", "", value), " ", el("small", "", bounds)]
  return el("tr", r.pressed ? "chosen" : "", cell("th", "row", "", name),
    el("td", "line", track(r.track)), el("td", "numbers", ...number(r.auc, r.bounds)),
    el("td", "n far", r.n), ...r.rates.map(rate => el("td", "n numbers", ...number(...rate))))
}

function classes(data, trigger) {
  const body = el("tbody", "", ...data.rows.map(r => classesRow(r, trigger)))
  const region = scroll(data.label, el("table", "forest classes", classesHead(data), body))
  region.classList.add("tall")
  return region
}

// --- one component for all kinds

// Draw anew, keeping the keyboard's place and what is scrolled to.
function redraw(root, content) {
  const focused = root.getRootNode().activeElement?.dataset.id
  const before = root.querySelector(".scroll")
  const [left, top] = [before?.scrollLeft ?? 0, before?.scrollTop ?? 0]
  root.replaceChildren(content)
  root.querySelector(".scroll")?.scrollTo(left, top)
  if (focused) {
    root.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
  }
}

// What was chosen elsewhere comes into view, in its region and without moving the page.
function reveal(root) {
  const region = root.querySelector(".scroll.tall")
  const [row, column] = ["row", "col"].map(of => region?.querySelector(`th.chosen[scope=${of}]`))
  const line = row ?? region?.querySelector("tr.chosen")
  const name = line?.textContent
  if (!line || root.dataset.revealed === name) return
  root.dataset.revealed = name
  const middle = (place, size, room) => Math.max(0, place + size / 2 - room / 2)
  requestAnimationFrame(() => region.scrollTo(
    column ? middle(column.offsetLeft, column.offsetWidth, region.clientWidth) : 0,
    middle(line.offsetTop, line.offsetHeight, region.clientHeight)))
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
  const kinds = { cards, dots, forest, matrix, confusion, classes }
  redraw(root, kinds[data.kind](data, setTriggerValue))
  reveal(root)
  noticeTheme(root, setTriggerValue)
}
