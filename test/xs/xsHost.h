/* What the SDK's platforms add to XS: nothing that the tests need. */
