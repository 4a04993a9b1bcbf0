import "./style/base.css";
import "./style/playground.css";
import "./style/card.css";
import "./style/search.css";
import "./style/programs.css";
import { playground } from "./playground/playground";
import { programs } from "./programs/programs";
import { search } from "./search/search";
import { byId } from "./shell/dom";
import { showViews } from "./shell/views";

showViews([playground, search, programs], byId("tabs"), byId("view"));
