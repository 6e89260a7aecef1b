// The one way in which each of our TOML texts is written.
#include <fmt/format.h>

#include "core/chain/chain.h"

namespace holdfast::chain {
namespace {

constexpr std::string_view first_line =
    "# Holdfast chain file. Written by `holdfast chain init` and signed below to the byte: change it with a new "
    "version.\n";

// Names are free of control characters (check_rules), so only these two need a backslash.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

template <class List, class Text>
std::string list_text(const List& list, const Text& text) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ", ";
    out += quoted(text(item));
  }
  return out + "]";
}

std::string percent_text(std::int64_t millionths) {
  std::string out = fmt::format("{}.{:04}", millionths / 10'000, millionths % 10'000);
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out;
}

std::string key_set_text(std::string_view table, const KeySet& set) {
  std::string out = fmt::format("\n[{}]\nneeded = {}\nkeys = [\n", table, set.needed);
  for (const auto& [name, key] : set.keys)
    out += fmt::format("  {{ name = {}, key = \"{}\" }},\n", quoted(name), to_hex(key));
  return out + "]\n";
}

std::string operations_text(const std::optional<PublicKey>& operations) {
  return operations ? fmt::format("\n[operations]\nkey = \"{}\"\n", to_hex(*operations)) : std::string();
}

std::string site_keys_text(const SiteKeys& keys) {
  return fmt::format("log_key = \"{}\"\ncosign_key = \"{}\"\ntls_key = \"{}\"\nsealing_key = \"{}\"\n",
                     to_hex(keys.log), to_hex(keys.cosign), to_hex(keys.tls), to_hex(keys.sealing));
}

}  // namespace

std::string canonical_text(const ChainFile& file) {
  const auto name_text = [](const SiteName& name) { return name.view(); };
  std::string out(first_line);
  out += fmt::format(
      "format = 1\nchain = {}\nversion = {}\ncurrency = {}\nlanguages = {}\nquorum = {}\nlying_mirrors = {}\n",
      quoted(file.chain), file.version, quoted(file.currency.code),
      list_text(file.languages, [](const std::string& l) { return std::string_view(l); }), file.quorum,
      file.lying_mirrors);
  if (file.within)
    out += fmt::format("\n[within]\nversion = {}\nsha256 = \"{}\"\n", file.within->version,
                       to_hex(file.within->text_hash));
  out += fmt::format("\n[bounds]\nprice_change_percent_max = {}\nmirror_bytes_a_day = {}\nmirror_entries_a_day = {}\n",
                     file.bounds.price_change_percent_max, file.bounds.mirror_bytes_a_day,
                     file.bounds.mirror_entries_a_day);
  out += key_set_text("root", file.root);
  if (file.former_root) out += key_set_text("former_root", *file.former_root);
  out += key_set_text("recovery", file.recovery);
  out += operations_text(file.operations);
  for (const VatRate& rate : file.vat_rates)
    out += fmt::format("\n[[vat]]\ncode = {}\nname = {}\nrate_percent = \"{}\"\n", quoted(rate.code.view()),
                       quoted(rate.name), percent_text(rate.millionths));
  for (const Site& site : file.sites)
    out +=
        fmt::format("\n[[site]]\nname = {}\nkind = \"{}\"\nlink_address = {}\nmirrors = {}\nfollows = {}\n{}",
                    quoted(site.name.view()), to_text(site.kind), quoted(site.link_address),
                    list_text(site.mirrors, name_text), list_text(site.follows, name_text), site_keys_text(site.keys));
  for (const auto& [site, epoch] : file.revoked)
    out += fmt::format("\n[[revoked]]\nsite = {}\nepoch = {}\n", quoted(site.view()), epoch);
  for (const Certified& c : file.certified)
    out += fmt::format("\n[[certified]]\nsite = {}\nepoch = {}\nsha256 = \"{}\"\n", quoted(c.site.view()), c.epoch,
                       to_hex(c.note_hash));
  return out;
}

std::string public_keys_text(const PublicKeysFile& file) {
  return fmt::format(
      "# Public keys of one machine of site {}. Nothing here is secret; whoever signs them into the chain file "
      "compares\n"
      "# the fingerprint with the person who made them: {}\nsite = \"{}\"\n{}",
      file.site.view(), fingerprint(file), file.site.view(), site_keys_text(file.keys));
}

std::string authority_text(const Authority& authority) {
  return "# Public halves of the keys that sign for the chain (protocol 9.1). Nothing here is secret.\n" +
         key_set_text("root", authority.root) + key_set_text("recovery", authority.recovery) +
         operations_text(authority.operations);
}

}  // namespace holdfast::chain
