// Written by `journal install` (agent-journal). The next install replaces it; uninstall removes it.
//
// Hands what happens in OpenCode to the journal, one hook command for each event, and does nothing
// on any error: it runs inside the agent, and a throw would fail the person's prompt or tool.
// `server` is for the plugin API of version 1 (tried with 1.18.33); `setup` is for version 2, made
// after its public source and not tried.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const COMMANDS = {}
const TIMEOUT_MS = 10000
const MOST_CALLS = 1000
const WITH_TRANSCRIPT = new Set(["SessionStart", "Stop", "StopFailure", "SubagentStop", "SessionEnd"])


// Of all sessions of this process; several instances of the plugin share them.
const folders = new Map() // session that has begun -> its folder
const children = new Map() // sub-agent's session -> { parent, type }
const answers = new Map() // session -> the last text of its running turn
const contexts = new Map() // session -> its context
const open = new Set() // sessions with a running turn
const aborted = new Set() // sessions whose turn the person ended
const failed = new Set() // calls whose failure was reported

function guarded(work) {
  return (...given) => {
    try {
      return work(...given)
    } catch {
      return undefined
    }
  }
}

// Where OpenCode keeps its sessions.
function database() {
  return join(process.env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "opencode", "opencode.db")
}

function send(event, sessionID, cwd, fields) {
  const child = children.get(sessionID)
  const who = child ? { agent_id: sessionID, agent_type: child.type } : {}
  const kept = WITH_TRANSCRIPT.has(event) ? { transcript_path: database() } : {}
  const session_id = child ? child.parent : sessionID
  const payload = { session_id, cwd, hook_event_name: event, ...who, ...kept }
  const done = spawnSync("/bin/sh", ["-c", COMMANDS[event]], {
    cwd: cwd && existsSync(cwd) ? cwd : "/",
    input: JSON.stringify({ ...payload, ...fields }),
    stdio: ["pipe", "pipe", "ignore"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  })
  return done.stdout ? done.stdout.toString() : ""
}

function begin(sessionID, source, cwd) {
  if (!sessionID || folders.has(sessionID) || children.has(sessionID)) return
  folders.set(sessionID, cwd)
  const said = send("SessionStart", sessionID, cwd, { source, headless: isHeadless() })
  if (!said) return
  const context = JSON.parse(said).hookSpecificOutput?.additionalContext
  if (context) contexts.set(sessionID, context)
}

function beginChild(sessionID, parent, type, cwd, fields) {
  if (children.has(sessionID)) return
  children.set(sessionID, { parent: children.get(parent)?.parent ?? parent, type })
  send("SubagentStart", sessionID, cwd, fields)
}

function work(sessionID) {
  open.add(sessionID)
}

function endTurn(event, sessionID, cwd, fields) {
  if (event === "Stop" && !open.delete(sessionID)) return // idle is reported twice
  open.delete(sessionID)
  const last_assistant_message = answers.get(sessionID) ?? ""
  answers.delete(sessionID)
  const name = event === "Stop" && children.has(sessionID) ? "SubagentStop" : event
  send(name, sessionID, cwd, { last_assistant_message, ...fields })
}

function isHeadless() {
  return process.argv.slice(1, 4).some((word) => ["run", "serve", "acp"].includes(word))
}

function isRun() {
  return process.argv.slice(1, 4).includes("run")
}

function onEvent(event, cwd) {
  const properties = event?.properties ?? event?.data ?? {} // version 1, version 2
  const sessionID = properties.sessionID ?? properties.info?.id
  if (event?.type === "session.created") {
    const info = properties.info ?? {}
    if (info.parentID) beginChild(info.id, info.parentID, info.agent ?? "", cwd, { properties })
    else begin(info.id, "startup", info.directory ?? cwd)
  } else if (event?.type === "session.idle") {
    endTurn("Stop", sessionID, cwd, { properties })
  } else if (event?.type === "session.error" && sessionID) {
    const isAbort = properties.error?.name === "MessageAbortedError"
    if (isAbort) {
      aborted.add(sessionID)
      work(sessionID)
    }
    endTurn(isAbort ? "Stop" : "StopFailure", sessionID, cwd, { interrupted: isAbort, properties })
  } else if (event?.type === "session.compacted") {
    send("PostCompact", sessionID, cwd, { properties })
  } else if (event?.type === "permission.asked") {
    send("PermissionRequest", sessionID, cwd, { properties })
  } else if (event?.type === "permission.replied") {
    send("PermissionReplied", sessionID, cwd, { properties })
  } else if (event?.type === "message.part.updated") {
    const part = properties.part ?? {}
    if (part.type !== "tool" || part.state?.status !== "error" || failed.has(part.callID)) return
    if (failed.size > MOST_CALLS) failed.clear()
    failed.add(part.callID)
    send("PostToolUseFailure", part.sessionID ?? sessionID, cwd, { properties })
  }
}

function onPrompt(input, output, cwd) {
  begin(input.sessionID, "resume", cwd)
  aborted.delete(input.sessionID)
  work(input.sessionID)
  send("UserPromptSubmit", input.sessionID, cwd, { run: isRun(), input, output })
}

function onCall(event, input, output, cwd) {
  begin(input.sessionID, "resume", cwd)
  send(event, input.sessionID, cwd, { input, output })
  if (!aborted.has(input.sessionID)) return work(input.sessionID)
  work(input.sessionID) // a call that ends after its turn was ended by the person
  endTurn("Stop", input.sessionID, cwd, { interrupted: true })
}

function end(cwd) {
  for (const [sessionID, folder] of folders) {
    if (folder !== cwd) continue
    folders.delete(sessionID)
    guarded(send)("SessionEnd", sessionID, cwd, { reason: "exit" })
  }
}

async function server({ directory }) {
  return {
    event: async ({ event }) => guarded(onEvent)(event, directory),
    "chat.message": async (input, output) => guarded(onPrompt)(input, output, directory),
    "tool.execute.before": async (input, output) =>
      guarded(onCall)("PreToolUse", input, output, directory),
    "tool.execute.after": async (input, output) =>
      guarded(onCall)("PostToolUse", input, output, directory),
    "experimental.text.complete": async (input, output) => {
      guarded(() => answers.set(input.sessionID, output.text))()
    },
    "experimental.chat.system.transform": async (input, output) => {
      guarded(() => {
        const context = contexts.get(input.sessionID)
        if (context) output.system.push(context)
      })()
    },
    dispose: async () => guarded(end)(directory),
  }
}

// Version 2, not tried.
async function setup(ctx) {
  try {
    ctx.session.hook("prompt", async (e) => {
      const cwd = await folderOf(ctx, e.sessionID)
      guarded(onPrompt)({ sessionID: e.sessionID }, e, cwd)
    })
    ctx.session.hook("context", async (e) => {
      guarded(() => {
        const context = contexts.get(e.sessionID)
        if (context && e.kind === "primary") e.system.push({ type: "text", text: context })
      })()
    })
    ctx.tool.hook("execute.before", async (e) => {
      const input = { sessionID: e.sessionID, tool: e.tool, callID: e.id }
      const cwd = await folderOf(ctx, e.sessionID)
      guarded(onCall)("PreToolUse", input, { args: e.input }, cwd)
    })
    ctx.tool.hook("execute.after", async (e) => {
      const input = { sessionID: e.sessionID, tool: e.tool, callID: e.id, args: e.input }
      const cwd = await folderOf(ctx, e.sessionID)
      const output = { output: e.result, error: e.error, status: e.status }
      guarded(onCall)("PostToolUse", input, output, cwd)
    })
  } catch {
    return undefined // another API than the one that is known
  }
  follow(ctx)
  return async () => {
    for (const cwd of new Set(folders.values())) guarded(end)(cwd)
  }
}

// One server of version 2 works in many folders: the session says which is its own.
async function folderOf(ctx, sessionID) {
  if (folders.has(sessionID)) return folders.get(sessionID)
  try {
    const info = await ctx.session.get({ sessionID })
    return info?.location?.directory ?? info?.directory ?? process.cwd()
  } catch {
    return process.cwd()
  }
}

async function follow(ctx) {
  try {
    for await (const event of ctx.event.subscribe()) {
      const properties = event?.properties ?? event?.data ?? {}
      const sessionID = properties.sessionID ?? properties.info?.id
      const cwd = await folderOf(ctx, sessionID)
      if (event?.type === "session.execution.succeeded") {
        guarded(endTurn)("Stop", sessionID, cwd, {})
      } else if (event?.type === "session.execution.failed") {
        guarded(endTurn)("StopFailure", sessionID, cwd, { properties })
      } else {
        guarded(onEvent)(event, cwd)
      }
    }
  } catch {
    // the program ends, or has no such events
  }
}

export default { id: "agent-journal", server, setup }
