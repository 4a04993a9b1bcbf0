import "./style/base.css";
import "./style/playground.css";
import "./style/card.css";
import { playground } from "./playground/playground";
import { byId } from "./shell/dom";
import { showViews } from "./shell/views";

showViews([playground], byId("tabs"), byId("view"));
