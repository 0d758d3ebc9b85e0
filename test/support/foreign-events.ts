import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Reads the events of a text with the parser that the SDKs of MCP use. It knows no byte order mark. */
export function readEvents(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  // The parser waits for what follows a CR at the end of the text.
  createParser({ onEvent: (event) => events.push(event) }).feed(`${text}:`);
  return events;
}
