#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "sim/scene.h"

namespace holdfast::sim {
namespace {

std::string_view next_word(std::string_view& rest) {
  const std::size_t first = std::min(rest.find_first_not_of(' '), rest.size());
  const std::size_t end = std::min(rest.find(' ', first), rest.size());
  const std::string_view word = rest.substr(first, end - first);
  rest.remove_prefix(end);
  return word;
}

std::optional<Said> match(std::string_view line, std::string_view words) {
  Said said;
  for (;;) {
    const std::string_view word = next_word(line), wanted = next_word(words);
    if (word.empty() && wanted.empty()) return said;
    if (wanted == "SITE" && !word.empty() && word.size() <= SiteName::bytes_max) {
      said.sites.emplace_back(word);
    } else if (wanted == "NUM") {
      std::uint64_t number = 0;
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (word.empty() || error != std::errc() || stop != word.data() + word.size()) return std::nullopt;
      said.numbers.push_back(number);
    } else if (word != wanted) {
      return std::nullopt;
    }
  }
}

}  // namespace

const std::vector<Scene::Sentence>& Scene::verbs() {
  static const std::vector<Sentence> all = {
      {"a chain of NUM stores opens", &Scene::begin},
      {"a chain of NUM stores opens that bears a lying mirror", &Scene::begin_with_liar},
      {"SITE sells NUM times", &Scene::sells},
      {"tills of SITE send again what they owe", &Scene::sends_all_again},
      {"a till of SITE that slept sends everything again", &Scene::slept},
      {"a till of SITE sends everything twice", &Scene::sends_twice},
      {"a till of SITE uses a key for something else", &Scene::other_body},
      {"NUM seconds pass", &Scene::wait},
      {"NUM days pass", &Scene::days_pass},
      {"the link SITE - SITE fails", &Scene::fails},
      {"the link SITE - SITE is back", &Scene::heals},
      {"SITE is cut off", &Scene::is_cut_off},
      {"SITE is reached again", &Scene::is_reached},
      {"nothing from SITE reaches SITE", &Scene::one_way},
      {"messages from SITE to SITE wait", &Scene::clogs},
      {"messages from SITE to its spare wait", &Scene::clogs_spare},
      {"messages from SITE to SITE pass again", &Scene::clears},
      {"every link heals", &Scene::all_heals},
      {"NUM connections end in the middle of a message", &Scene::resets},
      {"NUM messages are lost", &Scene::loses_messages},
      {"NUM messages arrive twice", &Scene::repeats_messages},
      {"NUM messages arrive late, after those behind them", &Scene::mixes_messages},
      {"SITE loses its power", &Scene::power_off},
      {"SITE is switched on", &Scene::power_on},
      {"SITE is switched on and does not open", &Scene::does_not_open},
      {"the power of SITE will fail in the middle of a write", &Scene::fails_in_a_write},
      {"the power of SITE will fail within a block", &Scene::tears_a_write},
      {"the next write at SITE fails", &Scene::write_fails},
      {"the next write at SITE lands elsewhere", &Scene::misdirects},
      {"SITE loses its power and its disk the last NUM writes", &Scene::forgets},
      {"the disk of SITE is full", &Scene::is_full},
      {"the disk of SITE has room", &Scene::has_room},
      {"a bit flips at SITE", &Scene::rots},
      {"a sector of SITE cannot be read", &Scene::loses_sector},
      {"somebody keeps an image of SITE", &Scene::keeps_image},
      {"SITE is started from that image", &Scene::puts_back},
      {"SITE is destroyed", &Scene::is_destroyed},
      {"SITE is rebuilt", &Scene::is_rebuilt},
      {"SITE is rebuilt under the same number", &Scene::is_rebuilt_as_before},
      {"SITE has a spare", &Scene::has_spare},
      {"the spare of SITE holds everything", &Scene::spare_holds_all},
      {"SITE opens on its spare", &Scene::opens_on_spare},
      {"SITE stands still for NUM seconds", &Scene::stands_still},
      {"the clock of SITE is NUM minutes fast", &Scene::is_fast},
      {"the clock of SITE is NUM minutes slow", &Scene::is_slow},
      {"a person at SITE cuts SITE", &Scene::cuts},
      {"a person at SITE opens the link to SITE", &Scene::mends},
      {"a person seals SITE", &Scene::seals},
      {"a person calls the seal of SITE a false alarm", &Scene::unseals},
      {"a person lets SITE rejoin", &Scene::begins_rejoining},
      {"two people at SITE have gone through the checklist for SITE", &Scene::meets_checklist},
      {"every link of SITE returns by its checklist", &Scene::rejoins_all},
      {"nobody at SITE may open the link to SITE yet", &Scene::may_not_mend},
      {"nobody may end the rejoining of SITE yet", &Scene::may_not_unseal},
      {"a person ends the rejoining of SITE", &Scene::unseals},
      {"a thief with the keys of SITE offers a second history", &Scene::second_history},
      {"a thief with the keys of SITE boasts of NUM entries", &Scene::boasts},
      {"a thief with the keys of SITE sends NUM messages", &Scene::floods},
      {"a thief sends the mirrors of SITE again what it has said", &Scene::replays},
      {"a thief with the old keys of SITE offers more of its old epoch", &Scene::offers_old_epoch},
      {"the mirror SITE signs what it does not store", &Scene::lies_about_storing},
      {"the mirror SITE hides what it holds", &Scene::hides},
      {"the mirror is honest again", &Scene::is_honest},
      {"a thief runs SITE from that image", &Scene::runs_copy},
      {"the thief reaches SITE", &Scene::copy_reaches},
      {"the thief sells NUM times", &Scene::copy_sells},
      {"more mirrors of SITE lie than the chain bears", &Scene::is_overrun},
      {"all of SITE is cosigned", &Scene::is_cosigned},
      {"SITE serves", &Scene::serves},
      {"SITE has put back what its disk has lost", &Scene::has_mended},
      {"SITE does not serve for NUM seconds", &Scene::does_not_serve},
      {"SITE has NUM sales", &Scene::has_sales},
      {"SITE knows of two histories of SITE", &Scene::contradiction_is_known},
      {"the old machine of SITE is reached again", &Scene::old_is_reached},
      {"the old machine of SITE has stopped", &Scene::old_has_stopped},
      {"everybody agrees", &Scene::agrees},
      {"the fraud with SITE is proven", &Scene::fraud_is_proven},
  };
  return all;
}

std::vector<std::string_view> Scene::sentences() {
  std::vector<std::string_view> out;
  for (const Sentence& each : verbs()) out.push_back(each.words);
  return out;
}

std::string Scene::play(std::string_view line, std::string_view& words) {
  for (const Sentence& each : verbs()) {
    const auto said = match(line, each.words);
    if (!said) continue;
    words = each.words;
    if (!chain_ && each.verb != &Scene::begin && each.verb != &Scene::begin_with_liar) return "no chain has opened yet";
    for (const std::string& site : said->sites)
      if (chain_->file().find(SiteName(site)) == nullptr) return fmt::format("there is no site \"{}\"", site);
    const std::string problem = (this->*each.verb)(*said);
    return problem.empty() ? chain_->broken_law() : problem;
  }
  return "this sentence is not understood";
}

std::vector<std::string_view> scenario_verbs() { return Scene::sentences(); }

ScenarioResult play_scenario(std::string_view text) {
  Scene scene;
  ScenarioResult result;
  std::string_view last;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string_view::npos) continue;
    last = line = line.substr(first, line.find_last_not_of(" \r") + 1 - first);
    ++result.lines;
    std::string_view words;
    const std::string problem = scene.play(line, words);
    result.verbs.insert(words);
    if (!problem.empty()) {
      result.problem = fmt::format("line {}, \"{}\": {}", number, line, problem);
      return result;
    }
  }
  if (last != "everybody agrees" && !(last.starts_with("the fraud with ") && last.ends_with(" is proven")))
    result.problem = "a scenario ends with \"everybody agrees\", or with a fraud that is proven";
  return result;
}

}  // namespace holdfast::sim
