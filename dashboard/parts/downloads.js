// What is on the page as a file: a chart or a table as PNG or SVG, made where it is drawn.

const NS = "http://www.w3.org/2000/svg"
const SCALE = 3                         // pixels of a PNG for each of the page: enough to print
const LONGEST = 32767                   // pixels of a side: no browser draws more
const PAD = 8, LINE = 24, SIZE = 13     // of a table

const svgEl = (tag, attributes, text) => {
  const node = document.createElementNS(NS, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text   // never markup
  return node
}

function sheet(width, height, background) {
  const svg = svgEl("svg", { xmlns: NS, width, height, viewBox: `0 0 ${width} ${height}` })
  svg.append(svgEl("rect", { width, height, fill: background }))
  return svg
}

// Plotly draws in layers that lie on each other; what is for the pointer alone is left out.
function ofChart(key, look) {
  const plot = document.querySelector(`.st-key-${CSS.escape(key)} .js-plotly-plot`)
  const layers = [...(plot?.querySelectorAll("svg.main-svg") ?? [])]
  if (!layers.length) return null
  const { width, height } = layers[0].getBoundingClientRect()
  const svg = sheet(Math.round(width), Math.round(height), look.background)
  for (const layer of layers) {
    const copy = layer.cloneNode(true)
    copy.querySelectorAll(".draglayer, .hoverlayer, .zoomlayer").forEach(node => node.remove())
    copy.removeAttribute("style")
    svg.append(copy)
  }
  return svg
}

function ofTable(columns, rows, look) {
  const pen = document.createElement("canvas").getContext("2d")
  pen.font = `600 ${SIZE}px ${look.font}`
  const widths = columns.map((name, at) =>
    Math.ceil(Math.max(...[name, ...rows.map(row => row[at])].map(t => pen.measureText(t).width))))
  const starts = widths.map((_, at) => PAD + widths.slice(0, at).reduce((a, w) => a + w + 24, 0))
  const width = starts.at(-1) + widths.at(-1) + PAD
  const svg = sheet(width, LINE * (rows.length + 1) + PAD, look.background)
  const style = { "font-family": look.font, "font-size": SIZE, fill: look.ink }
  for (const [line, row] of [columns, ...rows].entries()) {
    const y = LINE * line
    row.forEach((text, at) => svg.append(svgEl("text",
      { ...style, x: starts[at], y: y + 16, ...(line ? {} : { "font-weight": 600 }) }, text)))
    svg.append(svgEl("path", { d: `M0 ${y + LINE - .5}H${width}`, stroke: look.ink,
      "stroke-opacity": line ? .2 : 1 }))
  }
  return svg
}

// A picture of its own cannot use the page's font, so it carries it.
async function font() {
  const url = new URL("app/static/plex-sans.woff2", document.baseURI)
  const answer = await fetch(url)
  if (!answer.ok) return ""
  const bytes = new Uint8Array(await answer.arrayBuffer())
  const text = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""))
  return `@font-face{font-family:"IBM Plex Sans";font-weight:100 700;` +
    `src:url(data:font/woff2;base64,${text}) format("woff2")}`
}

async function written(svg) {
  const style = svgEl("style", {}, await font().catch(() => ""))
  svg.prepend(style)
  return new XMLSerializer().serializeToString(svg)
}

async function png(text, svg) {
  const image = new Image()
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text)
  await image.decode()
  const canvas = document.createElement("canvas")
  const width = +svg.getAttribute("width"), height = +svg.getAttribute("height")
  const scale = Math.min(SCALE, LONGEST / Math.max(width, height))
  canvas.width = Math.floor(scale * width)
  canvas.height = Math.floor(scale * height)
  const pen = canvas.getContext("2d")
  pen.scale(scale, scale)
  pen.drawImage(image, 0, 0)
  return new Promise(done => canvas.toBlob(done, "image/png"))
}

function save(blob, name) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root")
  const style = getComputedStyle(root)
  const look = {
    background: style.getPropertyValue("--st-background-color").trim(),
    ink: style.getPropertyValue("--st-text-color").trim(),
    font: style.getPropertyValue("--st-font").trim(),
  }
  const said = Object.assign(document.createElement("p"), { role: "status" })
  const button = kind => {
    const node = document.createElement("button")
    node.type = "button"
    node.textContent = kind
    node.onclick = async () => {
      const svg = data.chart ? ofChart(data.chart, look) : ofTable(data.columns, data.rows, look)
      said.textContent = svg ? "" : "The chart is not drawn yet."
      if (!svg) return
      const text = await written(svg)
      const blob = kind === "SVG" ? new Blob([text], { type: "image/svg+xml" }) : await png(text, svg)
      if (!blob) said.textContent = "Too large for a PNG in this browser; take the SVG."
      else save(blob, `${data.name}.${kind.toLowerCase()}`)
    }
    return node
  }
  root.replaceChildren(button("PNG"), button("SVG"), said)
}
