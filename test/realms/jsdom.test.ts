// @vitest-environment jsdom
import { describeSealing } from "./sealing-laws.js";

describeSealing("jsdom");
