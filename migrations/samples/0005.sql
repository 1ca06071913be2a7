-- Rows as version 5 wrote them, where they differ from version 4's.
UPDATE changesets SET told = true, errand = '{"aim": "closed", "by": "ada", "comments": [], "adopt": false, "back": null,
    "beyond": false, "command": null}';
