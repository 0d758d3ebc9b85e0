// @vitest-environment happy-dom
import { describeSealing } from "./sealing-laws.js";
import { describeServing } from "./service-laws.js";

describeSealing("happy-dom");
describeServing("happy-dom");
