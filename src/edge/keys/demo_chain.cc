#include "edge/keys/demo_chain.h"

#include <fmt/format.h>

#include "edge/keys/ceremony.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"

namespace holdfast::keys {
namespace {

constexpr unsigned stores_min = 2, stores_max = 500;

SiteName store_name(unsigned i) { return SiteName(fmt::format("store-{:02}", i)); }

}  // namespace

chain::ChainFile demo_description(const DemoOptions& options) {
  chain::ChainFile file;
  file.chain = "holdfast.example/demo";
  file.currency = {"GBP", 2};
  file.languages = {"en", "fr"};
  file.vat_rates = {
      {VatCode("S"), "Standard rate", 200'000}, {VatCode("R"), "Reduced rate", 50'000}, {VatCode("Z"), "Zero rate", 0}};
  const SiteName head("head-office"), warehouse("warehouse");
  const auto with_stores = [&](const SiteName& first) {
    std::vector<SiteName> out{first};
    for (unsigned i = 1; i <= options.stores; ++i) out.push_back(store_name(i));
    return out;
  };
  const auto add = [&](const SiteName& name, chain::SiteKind kind, std::vector<SiteName> mirrors,
                       std::vector<SiteName> follows) {
    const auto host = options.hosts.find(name.str());
    std::string address = fmt::format("{}:{}", host == options.hosts.end() ? "127.0.0.1" : host->second,
                                      options.base_port + file.sites.size());
    file.sites.push_back({name, kind, std::move(address), {}, std::move(mirrors), std::move(follows)});
  };
  add(head, chain::SiteKind::head_office, {warehouse, store_name(1), store_name(2)}, with_stores(warehouse));
  add(warehouse, chain::SiteKind::warehouse, {head, store_name(1), store_name(2)}, with_stores(head));
  for (unsigned i = 1; i <= options.stores; ++i)
    add(store_name(i), chain::SiteKind::store, {head, warehouse, store_name(i % options.stores + 1)},
        {head, warehouse});
  return file;
}

Result<chain::ChainFile> make_demo_chain(const std::string& directory, const DemoOptions& options) {
  if (options.stores < stores_min || options.stores > stores_max)
    return fail("keys/bad_count",
                fmt::format("{} stores cannot be; a demo has {} to {}", options.stores, stores_min, stores_max));
  if (options.base_port < 1 || options.base_port + options.stores + 1 > 65'535)
    return fail("keys/bad_count", fmt::format("ports from {} do not fit {} sites; choose a lower --base-port",
                                              options.base_port, options.stores + 2));
  HF_TRY_VOID(check_missing_or_empty(directory));
  HF_TRY_VOID(make_private_directory(directory));
  const std::string ceremony = join(directory, "ceremony");
  HF_TRY(const chain::Authority authority, make_authority(ceremony, {{2, 3}, {2, 3}, true, true}));
  chain::ChainFile file = demo_description(options);
  file.root = authority.root;
  file.recovery = authority.recovery;
  file.operations = authority.operations;
  std::string codes;
  for (chain::Site& site : file.sites) {
    HF_TRY(const chain::PublicKeysFile keys, make_site_directory(join(directory, site.name.view()), site.name));
    const NewEnrolment enrolment = make_enrolment(site.name, 1);
    HF_TRY_VOID(write_enrolment(join(directory, site.name.view()), enrolment.file));
    codes += fmt::format("{} {}\n", site.name.view(), enrolment.codes.front());
    site.keys = keys.keys;
  }
  HF_TRY_VOID(create_private_file(join(ceremony, "enrolment-codes.txt"), codes));
  HF_TRY(const std::string signed_text, sign_chain_file(file, {join(ceremony, "root")}));
  HF_TRY_VOID(create_public_file(join(directory, "chain.hfc"), signed_text));
  for (const chain::Site& site : file.sites)
    HF_TRY_VOID(adopt_chain_file(join(directory, site.name.view()), signed_text));
  return file;
}

}  // namespace holdfast::keys
