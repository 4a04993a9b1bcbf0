import "./style/base.css";
import "./style/playground.css";
import "./style/card.css";
import "./style/search.css";
import "./style/programs.css";
import "./style/write.css";
import { playground } from "./playground/playground";
import { programs } from "./programs/programs";
import { search } from "./search/search";
import { byId } from "./shell/dom";
import { showViews } from "./shell/views";
import { writing } from "./write/write";

showViews([playground, search, writing, programs], byId("tabs"), byId("view"));
