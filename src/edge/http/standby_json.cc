// Standby and readiness as JSON. What is not known is told as such and is never a green light.
#include <fmt/format.h>

#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::uint64_t disk_free_bytes_min = 1ull << 30;
constexpr Duration mirror_silence_max = seconds(60);
constexpr Duration no_copy_max = days(1);

void write_place(JsonOut& out, std::string_view name, const EntryPlace& place) {
  out.object(name).field("epoch", place.epoch).field("index", place.index).end_object();
}
void write_counts(JsonOut& out, const standby::Counts& counts) {
  out.field("sales", counts.sales).field("refunds", counts.refunds).field("movements", counts.movements);
}
void write_key(JsonOut& out, const standby::TotalKey& key) {
  out.object().field("day", key.day).field("total", standby::to_text(key.kind)).field("code", key.code);
}
void write_ages(JsonOut& out, std::string_view name, const standby::Ages& ages) {
  out.object(name).field("prices", time_text(ages.prices)).field("stock", time_text(ages.stock));
  out.field("orders", time_text(ages.orders)).end_object();
}

void write_handback(JsonOut& out, const standby::Handback& handback) {
  const standby::MakeHandback& made = handback.made;
  out.object().field("number", made.number).field("at", to_text(handback.at)).field("late", made.late);
  write_place(out, "first", made.first);
  write_place(out, "end", made.end);
  write_counts(out, made.counts);
  out.array("files");
  for (const standby::File& file : made.files)
    out.object().field("name", file.name).field("sha256", to_hex(file.sha256)).field("bytes", file.bytes).end_object();
  out.end_array().array("totals");
  for (const auto& [key, amount] : made.totals) {
    write_key(out, key);
    out.field("amount", amount).end_object();
  }
  out.end_array().array("confirmed");
  for (const auto& [key, confirmed] : handback.confirmed) {
    write_key(out, key);
    out.field("reported", confirmed.figures.reported).field("ours", confirmed.figures.ours);
    out.field("difference", confirmed.figures.difference()).field("at", to_text(confirmed.at)).end_object();
  }
  out.end_array().end_object();
}

// ---- readiness

// good; care: sells, but somebody should look; late: too old; missing: cannot do without; not_yet_known.
enum class Light { good, care, late, missing, not_yet_known };
std::string_view to_text(Light light) {
  static constexpr std::string_view names[] = {"good", "care", "late", "missing", "not yet known"};
  return names[static_cast<int>(light)];
}

class Checks {
 public:
  Checks(JsonOut& out, const ReadyFacts& facts) : out_(out), facts_(facts) {}

  bool all_pass() const { return all_pass_; }
  // needed: this site is not ready without it. detail: for people and monitoring, in English; pages say it themselves.
  void add(std::string_view check, Light light, std::string_view detail, bool needed = true,
           std::optional<Instant> as_of = {}, std::optional<std::uint64_t> count = {}) {
    out_.object().field("check", check).field("state", to_text(light)).field("needed", needed);
    out_.field("as_of", time_text(as_of)).field("count", count).field("detail", detail).end_object();
    if (needed && light != Light::good && light != Light::care) all_pass_ = false;
  }
  void age(std::string_view check, const std::optional<Instant>& as_of, bool needed) {
    if (!as_of)
      return add(check, Light::not_yet_known, "The old system has not told it yet, or nobody knows when.", needed);
    const std::int64_t hours = (facts_.now - *as_of).ns / hour_ns;
    const bool is_late = hours >= facts_.age_hours_max;
    add(check, is_late ? Light::late : Light::good,
        is_late ? fmt::format("{} hours old; the limit is {}. Is the old system still exporting?", hours,
                              facts_.age_hours_max)
                : fmt::format("{} hours old", hours),
        needed, as_of);
  }

 private:
  JsonOut& out_;
  const ReadyFacts& facts_;
  bool all_pass_ = true;
};

void check_goods(Checks& checks, const fold::State& state, const chain::ChainFile& file, const ReadyFacts& facts,
                 std::uint64_t without_rate) {
  const standby::Ages ages = state.ages();
  const catalogue::CatalogueState* list = state.prices();
  const bool is_own = state.standby.phase == standby::Phase::own_trade && !ages.prices && !ages.stock;
  const std::uint64_t products = list == nullptr ? 0 : list->products.size();
  if (products == 0)
    checks.add("prices", Light::missing, "No product is listed here. Feed the old system's catalogue at head office.");
  else if (is_own)
    checks.add("prices", Light::good, "Head office lists them; no other system is fed from.", true, {}, products);
  else
    checks.age("prices", ages.prices, true);
  if (!is_own) {
    checks.age("stock", ages.stock, true);
    checks.age("orders", ages.orders, false);
  }
  if (file.vat_rates.empty() || without_rate > 0)
    checks.add("vat", Light::missing,
               fmt::format("{} products have a VAT code that the chain file does not name.", without_rate));
  else
    checks.add("vat", Light::good, "Every product has a VAT rate.", true, {}, file.vat_rates.size());
  const bool is_behind = facts.now.unix_ns + seconds(5).ns < state.newest.unix_ns;
  checks.add(
      "clock", is_behind ? Light::missing : Light::good,
      is_behind ? "This machine's clock stands before its newest entry. Set it." : "It goes on from the newest entry.",
      true, state.newest);
}

void check_people(Checks& checks, const ReadyFacts& facts) {
  if (facts.managers == 0)
    checks.add("manager", Light::missing,
               "Nobody may take over yet. Enrol a manager with the code on paper, on the till page.");
  else
    checks.add("manager", Light::good, "A manager can take over.", true, {}, facts.managers);
  if (facts.tills == 0)
    checks.add("till", Light::missing,
               "No device is a till yet. Open the till page on one, and let a manager enrol it.");
  else
    checks.add("till", Light::good, "Devices are enrolled as tills.", true, {}, facts.tills);
}

void check_copies(Checks& checks, const node::Safety& safety, Instant now) {
  std::uint64_t heard = 0;
  bool any = false;
  for (const node::MirrorView& mirror : safety.mirrors) {
    any = any || mirror.heard_at;
    if (mirror.heard_at && (now - *mirror.heard_at).ns < mirror_silence_max.ns) ++heard;
  }
  if (!any && !safety.mirrors.empty())
    checks.add("mirrors", Light::not_yet_known, "No mirror has been heard since this start.");
  else if (heard < safety.quorum)
    checks.add("mirrors", Light::missing,
               fmt::format("{} of {} mirrors are heard, {} are needed for a copy that counts.", heard,
                           safety.mirrors.size(), safety.quorum),
               true, {}, heard);
  else
    checks.add("mirrors", Light::good, "Enough mirrors are heard.", true, {}, heard);
  if (safety.no_copy_since && (now - *safety.no_copy_since).ns >= no_copy_max.ns)
    checks.add("copies", Light::late, "The newest entries have no copy elsewhere for more than a day.", true,
               safety.no_copy_since);
  else if (safety.no_copy_since)
    checks.add("copies", Light::care, "The newest entries are not copied elsewhere yet.", true, safety.no_copy_since);
  else
    checks.add("copies", Light::good, "Everything is copied elsewhere.", true, safety.cosigned_at);
}

void check_machine(Checks& checks, const node::Safety& safety, const ReadyFacts& facts) {
  const bool trades = safety.phase == node::Phase::asking || safety.phase == node::Phase::signing;
  checks.add("node", trades ? Light::good : Light::missing,
             trades ? "It takes sales." : fmt::format("It takes none: {}.", node::to_text(safety.phase)));
  if (!facts.disk_free_bytes)
    checks.add("disk", Light::not_yet_known, "How much room is left on its disk could not be asked.");
  else
    checks.add("disk", *facts.disk_free_bytes < disk_free_bytes_min ? Light::missing : Light::good,
               fmt::format("{} MiB are free.", *facts.disk_free_bytes >> 20), true, {}, facts.disk_free_bytes);
  checks.add("pages", facts.pages == 0 ? Light::missing : Light::good,
             facts.pages == 0 ? "The pages are not there: the directory of --pages has none; leave --pages away."
                              : "The till page is served.");
  if (facts.tills_cannot_come)
    checks.add(
        "address", Light::missing,
        "Devices cannot come: the address of --tills is not this machine's now, or its certificate is missing, or does "
        "not hold now (`holdfast tills certificate`). It is tried again by itself; look at cable, switch, DHCP and "
        "clock.");
  else if (facts.loopback_only)
    checks.add("address", Light::care,
               "Only this machine can open the till page. Other devices need --tills with its address in the shop.");
  else
    checks.add("address", Light::good, "Other devices can open the till page.");
  if (facts.sensor_files == 0) return;
  if (facts.sensor_files_unreadable > 0)
    checks.add("sensors", Light::missing,
               fmt::format("{} of {} files of sensors cannot be read: nothing that they say tightens or seals. The log "
                           "says which and why (sensor-file-unreadable).",
                           facts.sensor_files_unreadable, facts.sensor_files),
               false, {}, facts.sensor_files_unreadable);
  else
    checks.add("sensors", Light::good, "Every file of sensors is read.", false, {}, facts.sensor_files);
}

void check_standing(Checks& checks, const fold::State& state) {
  const standby::Ages ages = state.ages();
  const bool is_fed = ages.prices || ages.stock || ages.orders;
  if (state.standby.phase != standby::Phase::own_trade)
    checks.add("standby", Light::good, standby::to_text(state.standby.phase), true, state.standby.since);
  else if (is_fed)
    checks.add(
        "standby", Light::care,
        "It is fed, but does not stand by: its tills sell now. If the old system sells here, run `holdfast standby "
        "begin`.");
  else
    checks.add("standby", Light::good, "This chain runs on Holdfast; it stands by for no other system.");
}

}  // namespace

void write_standby(JsonOut& out, const fold::State& state) {
  const standby::StandbyState& s = state.standby;
  out.field("phase", standby::to_text(s.phase));
  out.field("since", s.phase == standby::Phase::own_trade ? std::optional<std::string>() : to_text(s.since));
  out.field("taken_over_at", time_text(s.taken_over_at));
  write_ages(out, "as_of", state.ages());
  out.object("open");
  write_counts(out, s.open);
  out.field("since", time_text(s.open_since)).end_object().field("handbacks", s.handbacks.size());
}

std::string standby_json(const node::Node& node) {
  const fold::State& state = node.state();
  JsonOut out;
  const Origin origin = node.safety().origin;
  const Currency& currency = node.chain_file().currency;
  out.object().field("site", origin.site.view()).field("chain", origin.chain);
  out.field("currency", currency.code).field("currency_decimals", currency.decimals);
  out.object("standby");
  write_standby(out, state);
  out.end_object();
  write_ages(out, "shown_at_take_over", state.standby.ages);
  if (state.standby.handed_to)
    write_place(out, "handed_to", *state.standby.handed_to);
  else
    out.field_null("handed_to");
  out.array("handbacks");
  for (const standby::Handback& handback : state.standby.handbacks) write_handback(out, handback);
  return out.end_array().end_object().take();
}

std::uint64_t products_without_rate(const node::Node& node) {
  const catalogue::CatalogueState* list = node.state().prices();
  if (list == nullptr) return 0;
  std::uint64_t unknown = 0;
  std::map<VatCode, bool> known;
  for (const auto& [sku, listed] : list->products) {
    auto [code, is_new] = known.try_emplace(listed.product.vat, false);
    if (is_new) code->second = node.chain_file().vat(code->first) != nullptr;
    unknown += code->second ? 0 : 1;
  }
  return unknown;
}

std::string ready_json(const node::Node& node, const ReadyFacts& facts, std::uint64_t without_rate) {
  const node::Safety safety = node.safety();
  const fold::State& state = node.state();
  JsonOut out;
  out.object().field("site", safety.origin.site.view()).field("at", to_text(facts.now));
  out.field("age_hours_max", facts.age_hours_max).object("standby");
  write_standby(out, state);
  out.end_object().array("checks");
  Checks checks(out, facts);
  check_standing(checks, state);
  check_goods(checks, state, node.chain_file(), facts, without_rate);
  check_people(checks, facts);
  check_machine(checks, safety, facts);
  check_copies(checks, safety, facts.now);
  return out.end_array().field("ready", checks.all_pass()).end_object().take();
}

}  // namespace holdfast::http
