// The export as one HTML file that stands alone: no script, no other file, every text escaped.
#include <fmt/format.h>

#include "edge/incident/report.h"
#include "edge/incident/words.h"

namespace holdfast::incident_report {
namespace {

constexpr std::string_view style =
    "body{font:16px/1.5 system-ui,sans-serif;color:#10222c;background:#fff;max-width:70rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.2rem;margin:1.8rem 0 .4rem;border-bottom:2px solid #10222c}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.3rem "
    ".5rem;border-bottom:1px solid #c3ced4;overflow-wrap:anywhere}th{background:#eef2f4}.soft{color:#43565f}.wide{"
    "overflow-x:auto}.mono{font-family:ui-monospace,monospace;font-size:.8rem}.gone "
    "td{color:#43565f;text-decoration:line-"
    "through}.fact "
    "td{background:#f6f8f9}.care{color:#704300;font-weight:600}.alarm{color:#97100f;font-weight:600}.good{"
    "color:#0a5c36;font-weight:600}li{margin:.3rem 0}@media print{body{max-width:none}h2{break-after:avoid}tr{break-"
    "inside:avoid}}";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

class Page {
 public:
  Page(const Report& report, Language language) : report_(report), language_(language) {}

  std::string make(const std::vector<RestsOn>& rests_on) {
    head();
    next();
    known();
    tasks();
    sites();
    timeline();
    rests(rests_on);
    out_ += "</main></body></html>\n";
    return std::move(out_);
  }

 private:
  std::string_view w(std::string_view key) const { return word(key, language_); }
  std::string w2(std::string_view group, std::string_view key) const {
    return std::string(word(fmt::format("{}.{}", group, key), language_));
  }
  void h2(std::string_view key) { out_ += fmt::format("<h2>{}</h2>\n", w(key)); }
  void table(std::initializer_list<std::string_view> keys) {
    out_ += "<div class=\"wide\"><table><thead><tr>";
    for (const std::string_view key : keys) out_ += fmt::format("<th scope=\"col\">{}</th>", w(key));
    out_ += "</tr></thead><tbody>\n";
  }
  void end_table() { out_ += "</tbody></table></div>\n"; }
  void row(std::initializer_list<std::string> cells, std::string_view of_class = "") {
    out_ += of_class.empty() ? "<tr>" : fmt::format("<tr class=\"{}\">", of_class);
    for (const std::string& cell : cells) out_ += fmt::format("<td>{}</td>", cell);
    out_ += "</tr>\n";
  }
  std::string person(const SubjectId& id) const {
    if (id.is_zero()) return std::string(w("machine"));
    return fmt::format("<span class=\"mono\">{}</span>", to_hex(ByteView(id.bytes).first(6)));
  }
  std::string period(const incident::Period& about) const {
    if (!about.from && !about.to) return fmt::format("<span class=\"soft\">{}</span>", w("not_yet_known"));
    if (about.from && about.to && *about.from == *about.to) return utc_text(*about.from);
    std::string text;
    if (about.from) text += fmt::format("{} {}", w("from"), utc_text(*about.from));
    if (about.to) text += fmt::format("{}{} {}", text.empty() ? "" : " ", w("until"), utc_text(*about.to));
    return text;
  }
  std::string title() const {
    return report_.incident.title.empty() ? std::string(w("untitled")) : escaped(report_.incident.title);
  }
  std::string duration(Duration d) const {
    const std::int64_t minutes = d.ns / 60'000'000'000;
    return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  }

  void head() {
    const incident::SeenIncident& i = report_.incident;
    out_ = fmt::format(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\"><title>{} · {}</title><style>{}</style></head><body><main>\n",
        language_ == Language::fr ? "fr" : "en", w("incident"), title(), style);
    out_ += fmt::format("<p class=\"soft\">{} · {}</p><h1>{}</h1>\n", escaped(report_.chain), w("incident"), title());
    for (const std::string& other : i.other_titles) out_ += fmt::format("<p>{}: {}</p>\n", w("also"), escaped(other));
    out_ += fmt::format("<p><strong class=\"{}\">{}</strong>", i.is_closed() ? "good" : "alarm",
                        w(i.is_closed() ? "state.closed" : "state.open"));
    if (i.opening)
      out_ += fmt::format(" · {} {} {} {}", w("opened"), utc_text(i.opening->record->at), w("from_site"),
                          i.opening->site.view());
    if (i.closing)
      out_ += fmt::format(" · {} {} {} {}", w("closed"), utc_text(i.closing->record->at), w("from_site"),
                          i.closing->site.view());
    out_ += fmt::format("</p>\n<p>{} <strong>{}</strong>, {} {}. {}</p>\n", w("as_of"), utc_text(report_.as_of),
                        w("from_site"), report_.site.view(), w("people_why"));
  }

  void next() {
    if (report_.next.empty()) return;
    h2("next_title");
    for (const For whom : {For::store, For::security, For::lawyer}) {
      std::string items;
      for (const Step& step : report_.next) {
        if (step.whom != whom) continue;
        items += fmt::format("<li>{}", escaped(language_ == Language::fr ? step.fr : step.en));
        if (step.at) items += fmt::format(" <strong>{}</strong>", utc_text(*step.at));
        items += "</li>\n";
      }
      if (items.empty()) continue;
      const std::string_view name = whom == For::store ? "store" : whom == For::security ? "security" : "lawyer";
      out_ += fmt::format("<h3>{}</h3><ul>\n{}</ul>\n", w2("for", name), items);
    }
  }

  void known() {
    h2("known_title");
    table({"what", "state", "text", "about", "written"});
    for (std::uint8_t k = static_cast<std::uint8_t>(incident::NoteKind::discovered);
         k < static_cast<std::uint8_t>(incident::NoteKind::title); ++k) {
      const auto kind = static_cast<incident::NoteKind>(k);
      const std::string label = w2("kind", to_text(kind));
      const auto standing = report_.incident.standing.find(kind);
      if (standing == report_.incident.standing.end()) {
        row({label, fmt::format("<span class=\"soft\">{}</span>", w("nothing_noted")), "", "", ""});
        continue;
      }
      for (const incident::SeenRecord& seen : standing->second) {
        const auto& note = std::get<incident::IncidentNoted>(seen.record->what);
        row({label,
             fmt::format("<span class=\"{}\">{}</span>", note.knowing == incident::Knowing::known ? "good" : "care",
                         w2("knowing", to_text(note.knowing))),
             escaped(note.text), period(note.about), utc_text(seen.record->at)});
      }
    }
    end_table();
  }

  void tasks() {
    if (report_.incident.tasks.empty()) return;
    h2("tasks_title");
    table({"task", "state", "owner", "written"});
    for (const incident::SeenRecord& seen : report_.incident.tasks) {
      const auto& task = std::get<incident::TaskSet>(seen.record->what);
      row({escaped(task.text), w2("task", to_text(task.state)),
           task.owner.is_zero() ? std::string(w("nobody")) : person(task.owner), utc_text(seen.record->at)});
    }
    end_table();
  }

  std::string sales(const HourSales& hour) const {
    if (!hour.has_usual()) return fmt::format("{} ({})", hour.count, w("no_history"));
    return fmt::format("{} ({} {}–{})", hour.count, w("usual"), hour.usual_min, hour.usual_max);
  }
  void sites() {
    h2("sites_title");
    table({"where", "posture", "as_of", "sales_hour", "sales_before", "sealed_for", "sales_sealed", "gross_sealed",
           "waiting", "alerts"});
    for (const SiteSight& s : report_.sites) {
      std::string posture = s.posture.empty() ? std::string(w("not_yet_known")) : w2("posture", s.posture);
      if (s.posture_since) posture += fmt::format(" {} {}", w("since"), utc_text(*s.posture_since));
      if (s.prices_as_of) posture += fmt::format("<br>{} {}", w("fed_prices"), utc_text(*s.prices_as_of));
      if (s.stock_as_of) posture += fmt::format("<br>{} {}", w("fed_stock"), utc_text(*s.stock_as_of));
      row({s.site.str(), posture, s.as_of ? utc_text(*s.as_of) : std::string(w("not_yet_known")), sales(s.now),
           sales(s.before), duration(s.figures.sealed), std::to_string(s.figures.sales),
           fmt::format("{} {}", to_text(s.figures.gross, report_.currency_decimals), report_.currency),
           std::to_string(s.figures.waiting), std::to_string(s.figures.alerts)});
    }
    end_table();
  }

  void fact_row(const incident::SeenFact& seen) {
    const incident::Fact& f = *seen.fact;
    std::string text = escaped(f.about);
    if (f.kind == incident::FactKind::posture) text = w2("posture", f.about);
    const bool is_found =
        f.text == "found" && (f.kind == incident::FactKind::link_cut || f.kind == incident::FactKind::link_healed);
    if (!f.text.empty()) text += " · " + (is_found ? std::string(w("found")) : escaped(f.text));
    row({utc_text(f.at), "", w2("fact", to_text(f.kind)), seen.site.str(), person(f.by), text}, "fact");
  }
  struct Cells {
    std::string about, what, text;
    bool is_gone = false;
  };
  Cells cells_of(const incident::SeenRecord& seen) const {
    Cells cells;
    if (const auto* note = std::get_if<incident::IncidentNoted>(&seen.record->what)) {
      cells.is_gone = report_.incident.corrected_by.contains(seen.record->id);
      cells.about = period(note->about);
      cells.what = fmt::format("{} · {}", w2("kind", to_text(note->kind)), w2("knowing", to_text(note->knowing)));
      cells.text = escaped(note->text);
      if (!note->by_whom.is_zero()) cells.text += fmt::format(" ({} {})", w("by_whom"), person(note->by_whom));
      if (note->corrects) cells.text += fmt::format(" ({})", w("corrects"));
      if (cells.is_gone) cells.what += fmt::format(" ({})", w("corrected"));
    } else if (const auto* task = std::get_if<incident::TaskSet>(&seen.record->what)) {
      cells.what = fmt::format("{} · {}", w("task"), w2("task", to_text(task->state)));
      cells.text = escaped(task->text);
    } else if (const auto* opened = std::get_if<incident::IncidentOpened>(&seen.record->what)) {
      cells.what = fmt::format("{} {}", w("opened"), w(opened->cause ? "by_seal" : "by_hand"));
      cells.text = escaped(opened->title);
    } else if (const auto* closed = std::get_if<incident::IncidentClosed>(&seen.record->what)) {
      cells.what = w("closed");
      cells.text = escaped(closed->text);
      for (const incident::SiteFigures& f : closed->figures)
        cells.text += fmt::format("<br>{}: {} {}, {}: {}, {}: {} {}, {}: {}, {}: {}", f.site.view(), w("sealed_for"),
                                  duration(f.sealed), w("sales_sealed"), f.sales, w("gross_sealed"),
                                  to_text(f.gross, report_.currency_decimals), report_.currency, w("waiting"),
                                  f.waiting, w("alerts"), f.alerts);
    } else {
      cells.what = w("joined");
    }
    return cells;
  }
  void timeline() {
    h2("timeline_title");
    out_ += fmt::format("<p class=\"soft\">{}</p>\n", w("timeline_why"));
    table({"written", "about", "what", "where", "who", "text"});
    auto fact = report_.facts.begin();
    for (const incident::SeenRecord& seen : report_.incident.records) {
      for (; fact != report_.facts.end() && fact->fact->at <= seen.record->at; ++fact) fact_row(*fact);
      const Cells cells = cells_of(seen);
      row({utc_text(seen.record->at), cells.about, cells.what, seen.site.str(), person(seen.record->by), cells.text},
          cells.is_gone ? "gone" : "");
    }
    for (; fact != report_.facts.end(); ++fact) fact_row(*fact);
    end_table();
    if (report_.not_kept > 0) out_ += fmt::format("<p class=\"care\">{} {}</p>\n", report_.not_kept, w("not_kept"));
  }

  void rests(const std::vector<RestsOn>& rests_on) {
    h2("rests_title");
    out_ += fmt::format("<p>{}</p>\n", w("rests_why"));
    table({"journal", "entries", "root"});
    for (const RestsOn& each : rests_on)
      row({escaped(each.origin.text()), std::to_string(each.size),
           each.root ? fmt::format("<span class=\"mono\">{}</span>", to_hex(*each.root))
                     : std::string(w("not_yet_known"))});
    end_table();
  }

  const Report& report_;
  Language language_;
  std::string out_;
};

}  // namespace

std::string utc_text(Instant at) {
  std::string text = to_text(at).substr(0, 19);
  text[10] = ' ';
  return text + " UTC";
}

std::string export_html(const Report& report, const std::vector<RestsOn>& rests_on, Language language) {
  return Page(report, language).make(rests_on);
}

}  // namespace holdfast::incident_report
