// Promise 4: a cut link passes nothing, and cutting needs nobody else. What was sent after a person at either end had
// cut the link, or sealed the site, must not arrive; not after a restart either. Its own spare stays inside a seal
// (10.1). Nor does who has cut it greet anybody over it whose key he knows (13.44). A cut is counted once both ends
// have spoken to anybody since (of a seal, somebody else): nothing arrives from who is off, cut or not.
#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class CutPassesNothing final : public Law {
 public:
  std::string_view name() const override { return "a cut link passes nothing"; }

  void cut(const std::string& machine, const std::string& site, std::int64_t now_ns) override {
    cuts_[machine].try_emplace(site, Cut{now_ns});
  }
  void healed(const std::string& machine, const std::string& site) override { cuts_[machine].erase(site); }
  void set_back(const MachineFacts& machine, std::int64_t) override { cuts_.erase(machine.name); }

  void heard(const Evidence&, const Letter& letter) override {
    has_spoken(*letter.from, letter.sent_ns);
    if (letter.from->site == letter.to->site) return;
    // Whose new machine it is nobody can tell before it has said so, and each end greets whom it cannot place.
    if (letter.message->body_as_Hello() != nullptr) {
      greeted_.emplace(letter.from->name, letter.connection);
      // The key of a site's first machine stands in the chain file.
      if (letter.to->origin.ends_with("/1")) look(*letter.from, *letter.to, letter);
      return;
    }
    look(*letter.from, *letter.to, letter);
    // Nor if its greeting was lost: the next word is its last then.
    const bool is_unknown =
        !letter.from->origin.ends_with("/1") && !greeted_.contains({letter.from->name, letter.connection});
    // Whoever stands still cannot send away who knocks; what was said to him is dropped when he wakes.
    if (!letter.finds_sleeper && !is_unknown) look(*letter.to, *letter.from, letter);
  }

 private:
  struct Cut {
    std::int64_t at = 0;
    bool here = false, there = false;  // who has spoken since
    bool is_counted = false;
  };
  void has_spoken(const MachineFacts& who, std::int64_t sent_ns) {
    for (auto& [machine, by_site] : cuts_)
      for (auto& [site, cut] : by_site) {
        if (cut.is_counted || sent_ns <= cut.at) continue;
        if (who.name == machine)
          cut.here = true;
        else if (site.empty() || who.site == site)
          cut.there = true;
        cut.is_counted = cut.there && (cut.here || site.empty());
        exercised += cut.is_counted;
      }
  }
  void look(const MachineFacts& here, const MachineFacts& there, const Letter& letter) {
    const auto it = cuts_.find(here.name);
    if (it == cuts_.end()) return;
    for (const std::string& which : {there.site, std::string()})
      if (const auto cut = it->second.find(which); cut != it->second.end() && letter.sent_ns > cut->second.at)
        breach(letter.from->name + " has reached " + letter.to->name + " over a link that " + here.name + " has cut");
  }

  std::set<std::pair<std::string, std::uint64_t>> greeted_;  // who, on which connection
  std::map<std::string, std::map<std::string, Cut>> cuts_;   // machine -> site (empty: all)
};

}  // namespace

std::unique_ptr<Law> cut_passes_nothing() { return std::make_unique<CutPassesNothing>(); }

}  // namespace holdfast::audit
