// The page of an export: only its buttons need a module.

import { copyButtons } from "./dom.js";

copyButtons();
