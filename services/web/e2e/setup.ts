import { afterAll } from "vitest";
import { endPrograms } from "./process";

afterAll(endPrograms);
