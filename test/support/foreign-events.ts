import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Parses the events of a text with the parser of the MCP SDKs, which does not support a byte order mark. */
export function readEvents(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  // The parser waits for the character after a CR at the end of the text.
  createParser({ onEvent: (event) => events.push(event) }).feed(`${text}:`);
  return events;
}
