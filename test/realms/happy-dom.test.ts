// @vitest-environment happy-dom
import { describeSealing } from "./sealing-laws.js";

describeSealing("happy-dom");
