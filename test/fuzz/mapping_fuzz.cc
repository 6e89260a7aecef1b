// Small files that people write about another system: the feed's mapping, and the settings of a handback.
#include "edge/handback/settings.h"
#include "edge/trade/mapping.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {
enum MappingForm : std::uint8_t { of_feed, of_handback };
constexpr std::size_t toml_takes = 256u << 10;  // the parser, for the text of a mistake, whatever the size of the file
}  // namespace

void fuzz_mapping(ByteView in) {
  Reader reader(in);
  const std::uint8_t form = reader.u8() % 2;
  const std::string text(as_text(reader.raw(reader.left())));
  const Allocations allocations;
  if (form == of_handback) {
    const auto settings = handback::parse_settings(text);
    check_peak(allocations, in.size(), 1000, toml_takes);
    HF_CHECK(settings || settings.error().text.size() > 15, "refused without a reason");
    return;
  }
  const auto mapping = trade::read_mapping(text);
  check_peak(allocations, in.size(), 1000, toml_takes);
  if (!mapping) {
    HF_CHECK(mapping.error().code == "trade/bad_mapping", "{}", mapping.error().code);
    return;
  }
  for (const std::string_view name : {"ART1125.CSV", "products_export-2026-11-25.csv", "", "*"}) {
    const trade::FileRule& rule = mapping->rule_for(name);
    HF_CHECK(rule.match.empty() || trade::name_matches(rule.match, name), "\"{}\" for \"{}\"", rule.match, name);
    (void)trade::stream_of(name);
  }
  (void)mapping->site_of("WH1/Stock/Shelf 1");
}

Seeds seeds_of_mapping() {
  const auto seed = [](std::string name, MappingForm form, std::string_view text) {
    return Seed{std::move(name), with_first(form, as_bytes(text))};
  };
  return {seed("feed", of_feed,
               "[locations]\n\"Main Street\" = \"store-01\"\n\"WH1/Stock/*\" = \"store-01\"\n\"\" = \"store-01\"\n"
               "[vat]\n\"1\" = \"S\"\ndefault = \"S\"\nuntaxed = \"Z\"\n"
               "[[file]]\nmatch = \"art*.csv\"\nkind = \"catalogue\"\nstream = \"articles\"\nseparator = \";\"\n"
               "decimal = \",\"\nthousands = \".\"\nencoding = \"windows-1252\"\nwhole = true\nadds_up = false\n"
               "open = [\"sale\"]\n[file.columns]\nsku = \"ArtNr\"\nname = \"Bezeichnung\"\n"),
          seed("handback", of_handback,
               "formats = [\"shopify\", \"odoo\", \"plain\"]\nutc_offset = \"+01:00\"\n[odoo]\njournal = \"Till\"\n"
               "cash = \"1000\"\n[shopify]\nprefix = \"HF\"\n[[file]]\nname = \"x.csv\"\nrows = \"sales\"\n"
               "columns = [{header = \"Receipt\", field = \"receipt\"}, {header = \"Source\", text = \"Holdfast\"}]\n"
               "# products\nHandle,SKU,Location\ntee,TEE-S,Main Street\n")};
}

}  // namespace holdfast::fuzz
