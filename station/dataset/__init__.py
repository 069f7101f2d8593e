"""Pictures to learn from: kept, labelled by people, split by object, frozen in versions and handed on."""
