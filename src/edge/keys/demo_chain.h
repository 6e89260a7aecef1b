// A whole chain on one machine, for demos and tests ALONE: whoever has this machine has every key of it. A real chain
// makes each site's keys at that site, and root, recovery and operations keys on separate media (protocol 9.2).
//
// Shape:  DIR/<site>/                as `holdfast site keygen` and `site adopt` make it, for head-office, warehouse and
//                                    store-01 … store-N
//         DIR/chain.hfc              the signed file
//         DIR/ceremony/{root,recovery,operations}/, 2 of 3 root and recovery keys; DIR/ceremony/authority.pub.toml
//         DIR/ceremony/enrolment-codes.txt   mode 0600, lines "<site> <code>", one first manager each
//         Mirrors: store-i: head-office, warehouse and the next store; head-office: warehouse, store-01, store-02;
//                  warehouse: head-office, store-01, store-02.
//         Stores follow head-office and warehouse, these two everyone.
//         Links listen on 127.0.0.1 (or the address that `hosts` names), site k of the file at base_port + k.
// Errors: keys/bad_count; as in data_directory.h and ceremony.h.
#pragma once

#include <map>
#include <string>

#include "core/chain/chain.h"

namespace holdfast::keys {

struct DemoOptions {
  unsigned stores = 4;  // 2 to 500
  unsigned base_port = 7400;
  std::map<std::string, std::string> hosts;  // site -> address of its links, where it is not 127.0.0.1 (namespaces)
};
chain::ChainFile demo_description(const DemoOptions& options);  // no keys yet
Result<chain::ChainFile> make_demo_chain(const std::string& directory, const DemoOptions& options);

}  // namespace holdfast::keys
