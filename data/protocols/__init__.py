"""What is compared with what: LFW View 2, lists of pairs, folders of people, open sets."""
