// @vitest-environment jsdom
import { describeSealing } from "./sealing-laws.js";
import { describeServing } from "./service-laws.js";

describeSealing("jsdom");
describeServing("jsdom");
