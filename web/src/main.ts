import "./style/base.css";
import "./style/playground.css";
import "./style/card.css";
import "./style/search.css";
import { playground } from "./playground/playground";
import { search } from "./search/search";
import { byId } from "./shell/dom";
import { showViews } from "./shell/views";

showViews([playground, search], byId("tabs"), byId("view"));
