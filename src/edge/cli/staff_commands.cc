// `holdfast staff list|add|remove`: who signs in at this site, by the administrator of its machine. The till page does
// the same for a manager who is signed in; this is for the day on which the only one has forgotten the PIN.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/cli/local_write.h"
#include "edge/keys/data_directory.h"
#include "edge/serve/local_client.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

struct StaffArguments {
  std::string data, number, name, role = "cashier", pin_file;
};

void list(const StaffArguments& a) {
  const json::object answer = or_refuse(serve::ask_node(a.data, "GET", "/v1/staff"));
  for (const json::object* person : objects_at(answer, "staff"))
    fmt::print("{:<8}  {:<8}  {}\n", text_at(*person, "number"), text_at(*person, "role"),
               text_at(*person, "staff_id"));
}

std::string read_new_pin(const StaffArguments& a) {
  if (!a.pin_file.empty()) return pin_in(a.pin_file);
  std::string pin = ask_secret(fmt::format("New PIN of {}: ", a.number));
  if (ask_secret("Once more: ") != pin) refuse({"people/wrong_pin", "The two differ. Nothing was changed."});
  return pin;
}

void add(const StaffArguments& a) {
  or_refuse(keys::read_site_marker(a.data));
  const json::object body{{"number", a.number}, {"name", a.name}, {"role", a.role}, {"pin", read_new_pin(a)}};
  or_refuse(serve::ask_node(a.data, "POST", "/v1/staff", json::serialize(body)));
  fmt::print("{} can sign in here as {}.\n", a.number, a.role);
}

void remove(const StaffArguments& a) {
  const std::string id = or_refuse(staff_id(a.data, a.number));
  or_refuse(serve::ask_node(a.data, "DELETE", "/v1/staff/" + id));
  fmt::print("{} signs in no more here, and the name is erased. What {} did stays in the journal, without a name.\n",
             a.number, a.number);
}

}  // namespace

void add_staff_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "staff", "Who signs in at this site, by the administrator of its machine");
  auto arguments = std::make_shared<StaffArguments>();
  const auto command = [&](const std::string& name, const std::string& description) {
    CLI::App* sub = group.add_subcommand(name, description);
    sub->add_option("--data", arguments->data, "Data directory of the running node")->required();
    return sub;
  };
  command("list", "Staff numbers, roles and ids; no names")->callback([arguments] { list(*arguments); });
  CLI::App* adds = command("add", "Gives somebody a number and a PIN, which is asked for");
  adds->add_option("NUMBER", arguments->number, "Staff number, of at most 8 digits")->required();
  adds->add_option("--name", arguments->name, "Kept sealed in this site's vault, and in no journal")->required();
  adds->add_option("--role", arguments->role, "cashier, manager, or (at head office) operator")->capture_default_str();
  adds->add_option("--pin-file", arguments->pin_file, "File with the PIN in its first line, instead of being asked");
  adds->callback([arguments] { add(*arguments); });
  CLI::App* removes = command("remove", "Ends somebody's sign-in; then the number is free, for a new PIN too");
  removes->add_option("NUMBER", arguments->number, "Staff number, or the id of 32 digits")->required();
  removes->callback([arguments] { remove(*arguments); });
}

}  // namespace holdfast::cli
